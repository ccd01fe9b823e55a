// SwitchBot: the model as a letter in service data 0xFD3D (older: 0x0D00), values there or behind the address in company 0x0969.
import type { Advert } from '../../reading/advert.ts';
import type { Value } from '../../reading/reading.ts';
import { type Decoded, defineDecoder } from '../define.ts';

const SERVICES = ['fd3d', '0d00'] as const;
const COMPANY = '0969';
// Address (6) and sequence (1) come first in the manufacturer data.
const ADDRESS = 6;

type Values = Record<string, Value>;
/** `service` from the letter on, `maker` behind the address (from the sequence on); both empty where they are not there. */
type Parts = { service: Uint8Array; maker: Uint8Array };
/** `bytes`: least length of service data that carries the values itself. */
type Model = { name: string; bytes?: number; values(parts: Parts): Values };

function partsOf(advert: Advert): Parts {
  const service = SERVICES.map(uuid => advert.serviceData.get(uuid)).find(bytes => bytes !== undefined);
  return {
    service: service ?? new Uint8Array(),
    maker: advert.manufacturerData.get(COMPANY)?.subarray(ADDRESS) ?? new Uint8Array(),
  };
}

const battery = ({ service }: Parts): Values => (service.length >= 3 ? { battery: service[2]! & 0x7f } : {});

/** Tenths in the low half of the first byte, sign (1 is plus) and whole degrees, then humidity. */
function climate(bytes: Uint8Array): Values {
  if (bytes.length < 3) return {};
  const tenths = (bytes[1]! & 0x7f) * 10 + (bytes[0]! & 0x0f);
  return { temperature: ((bytes[1]! & 0x80 ? tenths : -tenths) + 0) / 10, humidity: bytes[2]! & 0x7f };
}

/** All zero says that nothing has been measured yet. */
function measured(values: Values): Values {
  return values['temperature'] === 0 && values['humidity'] === 0 && !values['battery'] ? {} : values;
}

const meter = (parts: Parts): Values =>
  measured({
    ...climate(parts.maker.length >= 5 ? parts.maker.subarray(2, 5) : parts.service.subarray(3, 6)),
    ...battery(parts),
  });

const CO2_LIMIT = 9999;

function carbonDioxide(parts: Parts): Values {
  const values = meter(parts);
  const ppm = parts.maker.length >= 9 ? (parts.maker[7]! << 8) | parts.maker[8]! : CO2_LIMIT + 1;
  return 'temperature' in values && ppm <= CO2_LIMIT ? { ...values, co2: ppm } : values;
}

function curtain(parts: Parts): Values {
  const { service, maker } = parts;
  const [place, light] = maker.length >= 5 ? maker.subarray(2) : service.subarray(3);
  const charge = maker.length >= 7 ? { battery: maker[6]! & 0x7f } : battery(parts);
  if (place === undefined || light === undefined) return charge;
  // The device counts how far it is closed.
  return { ...charge, position: 100 - Math.min(100, place & 0x7f), moving: place > 0x7f, light_level: light >> 4 };
}

function blindTilt(parts: Parts): Values {
  const { maker } = parts;
  if (maker.length < 4) return battery(parts);
  return {
    ...battery(parts),
    tilt: Math.min(100, maker[2]! & 0x7f),
    motion: maker[2]! > 0x7f,
    light_level: maker[3]! >> 4,
  };
}

function motion(parts: Parts): Values {
  const { service, maker } = parts;
  const values: Values = battery(parts);
  if (maker.length >= 2) return { ...values, motion: (maker[1]! & 0x40) !== 0, light: (maker[1]! & 0x20) !== 0 };
  if (service.length < 6) return values;
  return { ...values, motion: (service[1]! & 0x40) !== 0, light: (service[5]! & 0x02) !== 0 };
}

/** A door that is not closed in time is still open. */
function contact(parts: Parts): Values {
  const { service, maker } = parts;
  const values: Values = battery(parts);
  if (maker.length >= 7) {
    const flags = maker[1]!;
    return { ...values, motion: flags > 0x7f, light: (flags & 0x40) !== 0, opening: (flags & 0x30) !== 0 };
  }
  if (service.length < 9) return values;
  const flags = service[3]!;
  return {
    ...values,
    motion: (service[1]! & 0x40) !== 0,
    light: (flags & 0x01) !== 0,
    opening: (flags & 0x06) !== 0,
  };
}

/** In the switch mode bit 6 is clear while the arm is on; in the press mode there is no such state. */
function bot(parts: Parts): Values {
  const { service } = parts;
  const isSwitch = (service[1] ?? 0) > 0x7f;
  return { ...battery(parts), ...(isSwitch ? { power: (service[1]! & 0x40) === 0 } : {}) };
}

function plug({ maker }: Parts): Values {
  if (maker.length < 6) return {};
  return { switch: maker[1] === 0x80, power: (((maker[4]! & 0x7f) << 8) | maker[5]!) / 10 };
}

function leak({ maker }: Parts): Values {
  if (maker.length < 3) return {};
  return {
    battery: maker[1]! & 0x7f,
    low_battery: maker[1]! > 0x7f,
    moisture: (maker[2]! & 0x01) !== 0,
    tamper: (maker[2]! & 0x02) !== 0,
  };
}

const hub = ({ maker }: Parts): Values => measured(maker.length >= 10 ? climate(maker.subarray(7, 10)) : {});
const nothing = (): Values => ({});

const models: ReadonlyMap<string, Model> = new Map<string, Model>([
  ['H', { name: 'Bot', bytes: 3, values: bot }],
  ['T', { name: 'Meter', bytes: 6, values: meter }],
  ['i', { name: 'Meter Plus', bytes: 6, values: meter }],
  ['w', { name: 'Outdoor Meter', values: meter }],
  ['4', { name: 'Meter Pro', values: meter }],
  ['5', { name: 'Meter Pro CO2', values: carbonDioxide }],
  ['c', { name: 'Curtain', bytes: 5, values: curtain }],
  ['{', { name: 'Curtain 3', bytes: 5, values: curtain }],
  ['x', { name: 'Blind Tilt', values: blindTilt }],
  ['s', { name: 'Motion Sensor', bytes: 6, values: motion }],
  ['d', { name: 'Contact Sensor', bytes: 9, values: contact }],
  ['v', { name: 'Hub 2', values: hub }],
  ['g', { name: 'Plug Mini', values: plug }],
  ['j', { name: 'Plug Mini', values: plug }],
  ['&', { name: 'Water Leak Detector', values: leak }],
  ['b', { name: 'Remote', values: battery }],
  ['y', { name: 'Keypad', values: battery }],
  ['o', { name: 'Lock', values: battery }],
  ['$', { name: 'Lock Pro', values: nothing }],
  ['u', { name: 'Color Bulb', values: nothing }],
  ['r', { name: 'LED Strip Light', values: nothing }],
  ['q', { name: 'Ceiling Light', values: nothing }],
  ['e', { name: 'Humidifier', values: nothing }],
  ['#', { name: 'Evaporative Humidifier', values: nothing }],
]);

/** While being paired a device writes its letter in the other case. */
function modelOf({ service }: Parts, name: string | undefined): Model | undefined {
  if (service.length === 0)
    return models.get(/^WoIOSensor/.test(name ?? '') ? 'w' : /^WoSensorTH/.test(name ?? '') ? 'i' : '');
  const letter = String.fromCharCode(service[0]! & 0x7f);
  return models.get(letter) ?? models.get(letter.toLowerCase()) ?? models.get(letter.toUpperCase());
}

function decode(advert: Advert): Decoded {
  const parts = partsOf(advert);
  const model = modelOf(parts, advert.name);
  if (model === undefined) return { telemetry: {}, quality: { payload: 'the model is not known from this advert' } };
  // The first three bytes alone are what comes with the values in the manufacturer data.
  const { length } = parts.service;
  if (model.bytes !== undefined && length !== 0 && length !== 3 && length < model.bytes)
    return { rejected: `SwitchBot ${model.name}: expected at least ${model.bytes} bytes, got ${length}` };
  return { telemetry: model.values(parts), deviceModel: `SwitchBot ${model.name}` };
}

export const decoder = defineDecoder({
  name: 'switchbot',
  vendor: 'SwitchBot',
  models: [...new Set([...models.values()].map(({ name }) => name))],
  source: 'https://github.com/OpenWonderLabs/SwitchBotAPI-BLE',
  keys: [COMPANY, ...SERVICES],
  matches: advert => advert.manufacturerData.has(COMPANY) || SERVICES.some(uuid => advert.serviceData.has(uuid)),
  decode,
  examples: [
    {
      name: 'meter, below zero',
      advert: { service_data: { fd3d: '540064050a2d' } },
      gives: { battery: 100, temperature: -10.5, humidity: 45 },
    },
    {
      name: 'outdoor meter',
      advert: { service_data: { fd3d: '770055' }, manufacturer_data: { [COMPANY]: 'd0c84411223301030395400000' } },
      gives: { battery: 85, temperature: 21.3, humidity: 64 },
    },
    {
      name: 'meter that only names itself',
      advert: { name: 'WoSensorTHP', manufacturer_data: { [COMPANY]: 'd0c8441122330103079641' } },
      gives: { temperature: 22.7, humidity: 65 },
    },
    {
      name: 'meter with CO2',
      advert: {
        service_data: { fd3d: '350064' },
        manufacturer_data: { [COMPANY]: 'd0c84411223301640596320024029f00' },
      },
      gives: { battery: 100, temperature: 22.5, humidity: 50, co2: 671 },
    },
    {
      name: 'curtain',
      advert: { service_data: { fd3d: '63c0580a3104' } },
      gives: { battery: 88, position: 90, moving: false, light_level: 3 },
    },
    {
      name: 'blind tilt, moving',
      advert: { service_data: { fd3d: '780052' }, manufacturer_data: { [COMPANY]: 'd0c84411223381a5b224' } },
      gives: { battery: 82, tilt: 50, motion: true, light_level: 2 },
    },
    {
      name: 'motion',
      advert: { service_data: { fd3d: '7340640000e2' } },
      gives: { battery: 100, motion: true, light: true },
    },
    {
      name: 'contact, not closed in time',
      advert: { service_data: { fd3d: '6400640400200010f1' } },
      gives: { battery: 100, motion: false, light: false, opening: true },
    },
    { name: 'bot, off', advert: { service_data: { '0d00': '48d04c' } }, gives: { battery: 76, power: false } },
    {
      name: 'plug',
      advert: { service_data: { fd3d: '6700' }, manufacturer_data: { [COMPANY]: 'd0c84411223305800030012c' } },
      gives: { switch: true, power: 30 },
    },
    {
      name: 'water',
      advert: { service_data: { fd3d: '2600' }, manufacturer_data: { [COMPANY]: 'd0c84411223305640100' } },
      gives: { battery: 100, low_battery: false, moisture: true, tamper: false },
    },
    { name: 'cut', advert: { service_data: { fd3d: '540064050a' } }, rejects: 'expected at least 6 bytes, got 5' },
    { name: 'a model that is not known', advert: { service_data: { fd3d: '7f0064' } }, gives: {} },
  ],
});
