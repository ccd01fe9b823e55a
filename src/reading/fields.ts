// Any device's own JSON: every number, boolean and text becomes a metric, under the vocabulary's name where it is known.
import { type Draft, type Json, type Mapper, numberOf, putExtra, textOf } from './payload.ts';
import { isPlace, putValue } from './telemetry.ts';
import { conversion } from './units.ts';

/** Names devices use → metric of the vocabulary, and the unit they come in where it is another. */
const ALIASES: Readonly<Record<string, readonly [metric: string, unit?: string]>> = {
  temp: ['temperature'],
  temp_c: ['temperature'],
  temperature_c: ['temperature'],
  temperature_celsius: ['temperature'],
  temp_f: ['temperature', '°F'],
  temperature_f: ['temperature', '°F'],
  hum: ['humidity'],
  rh: ['humidity'],
  relative_humidity: ['humidity'],
  humidity_percent: ['humidity'],
  press: ['pressure'],
  pressure_hpa: ['pressure'],
  pressure_pa: ['pressure', 'Pa'],
  pressure_kpa: ['pressure', 'kPa'],
  batt: ['battery'],
  battery_level: ['battery'],
  battery_percent: ['battery'],
  voltage_v: ['voltage'],
  voltage_mv: ['voltage', 'mV'],
  current_a: ['current'],
  current_ma: ['current', 'mA'],
  power_w: ['power'],
  energy_kwh: ['energy'],
  energy_wh: ['energy', 'Wh'],
  lux: ['illuminance'],
  co2_ppm: ['co2'],
  pm25: ['pm2_5'],
  soil_moisture: ['moisture'],
};

const TIMES = ['timestamp', 'time', 'ts', 'datetime'] as const;
// Names of the device and its message: no metrics, whatever they hold.
const IDENTITY: ReadonlySet<string> = new Set(['deviceId', 'device_id', 'device', 'id', 'type', 'topic']);

/**
 * A flat object of fields. `rssi` is the signal strength, `name`, `firmware` and `location` are metadata, the first of
 * timestamp, time, ts, datetime is the time; nested objects are kept as extra (the field map reaches into them).
 */
export const fields: Mapper = (payload, draft) => {
  const time = TIMES.find(name => payload[name] !== undefined && payload[name] !== null);
  if (time !== undefined) draft.time = payload[time];
  for (const field in payload) {
    const value = payload[field];
    if (value === undefined || field === time || takeMetadata(draft, field, value)) continue;
    if (IDENTITY.has(field)) putExtra(draft, field, value);
    else putField(draft, payload, field, value);
  }
  const battery = draft.telemetry['battery'];
  if (typeof battery === 'number') draft.metadata.batteryLevel = battery;
  return undefined;
};

function putField(draft: Draft, payload: Json, field: string, value: unknown): void {
  const [alias, unit] = aliasOf(field);
  // A device that sends both temp and temperature means two things by them.
  const taken = Object.hasOwn(payload, alias) || Object.hasOwn(draft.telemetry, alias);
  const number = unit === undefined || taken ? undefined : numberOf(value);
  const convert = unit === undefined ? undefined : conversion(unit, alias);
  putValue(draft, taken ? field : alias, number !== undefined && convert !== undefined ? convert(number) : value);
}

function aliasOf(field: string): readonly [metric: string, unit?: string] {
  const name = field.toLowerCase();
  return Object.hasOwn(ALIASES, name) ? (ALIASES[name] ?? [field]) : [field];
}

function takeMetadata(draft: Draft, field: string, value: unknown): boolean {
  const { metadata } = draft;
  if (field === 'rssi') metadata.signalStrength = numberOf(value);
  else if (field === 'name' || field === 'firmware') metadata[field] = textOf(value);
  else if (field === 'location' && isPlace(value)) metadata.location = { lat: value.lat, lon: value.lon };
  else return false;
  return true;
}
