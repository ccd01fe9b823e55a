// Units: what each metric is measured in (the BTHome vocabulary, and the seeds' own names), and conversion into it.

/** metric → unit. Only these can be converted into. */
const METRIC_UNITS: Readonly<Record<string, string>> = {
  temperature: '°C',
  humidity: '%',
  pressure: 'hPa',
  battery: '%',
  voltage: 'V',
  current: 'A',
  power: 'W',
  energy: 'kWh',
  illuminance: 'lx',
  moisture: '%',
  co2: 'ppm',
  voc: 'µg/m³',
  pm2_5: 'µg/m³',
  pm10: 'µg/m³',
  mass: 'kg',
  conductivity: 'µS/cm',
  acceleration_x: 'm/s²',
  acceleration_y: 'm/s²',
  acceleration_z: 'm/s²',
  distance: 'mm',
  value_mm: 'mm',
  total_energy_kwh: 'kWh',
  power_kw: 'kW',
};

/** unit → what it measures, and value · factor + offset = value in the dimension's base unit. */
const UNITS: Readonly<Record<string, readonly [dimension: string, factor: number, offset: number]>> = {
  '°C': ['temperature', 1, 0],
  '°F': ['temperature', 5 / 9, -160 / 9],
  K: ['temperature', 1, -273.15],
  '%': ['ratio', 1, 0],
  '0…1': ['ratio', 100, 0],
  Pa: ['pressure', 0.01, 0],
  hPa: ['pressure', 1, 0],
  mbar: ['pressure', 1, 0],
  kPa: ['pressure', 10, 0],
  bar: ['pressure', 1000, 0],
  psi: ['pressure', 68.947572931683, 0],
  mmHg: ['pressure', 1.33322387415, 0],
  inHg: ['pressure', 33.863886403, 0],
  mV: ['voltage', 0.001, 0],
  V: ['voltage', 1, 0],
  kV: ['voltage', 1000, 0],
  µA: ['current', 1e-6, 0],
  mA: ['current', 0.001, 0],
  A: ['current', 1, 0],
  mW: ['power', 0.001, 0],
  W: ['power', 1, 0],
  kW: ['power', 1000, 0],
  MW: ['power', 1e6, 0],
  Wh: ['energy', 0.001, 0],
  kWh: ['energy', 1, 0],
  MWh: ['energy', 1000, 0],
  GWh: ['energy', 1e6, 0],
  kJ: ['energy', 1 / 3600, 0],
  MJ: ['energy', 1 / 3.6, 0],
  GJ: ['energy', 1000 / 3.6, 0],
  g: ['mass', 0.001, 0],
  kg: ['mass', 1, 0],
  t: ['mass', 1000, 0],
  oz: ['mass', 0.028349523125, 0],
  lb: ['mass', 0.45359237, 0],
  µm: ['length', 0.001, 0],
  mm: ['length', 1, 0],
  cm: ['length', 10, 0],
  m: ['length', 1000, 0],
  km: ['length', 1e6, 0],
  in: ['length', 25.4, 0],
  ft: ['length', 304.8, 0],
  'µS/cm': ['conductivity', 1, 0],
  'mS/cm': ['conductivity', 1000, 0],
  ppm: ['share', 1, 0],
  ppb: ['share', 0.001, 0],
  'µg/m³': ['density', 1, 0],
  'mg/m³': ['density', 1000, 0],
  lx: ['illuminance', 1, 0],
  klx: ['illuminance', 1000, 0],
  'm/s²': ['acceleration', 1, 0],
};

export const unitNames: readonly string[] = Object.keys(UNITS);

/** Unit of a metric of the vocabulary; undefined for any other name. */
export function unitOf(metric: string): string | undefined {
  return Object.hasOwn(METRIC_UNITS, metric) ? METRIC_UNITS[metric] : undefined;
}

/** Units that the metric can come in; none for a metric outside the vocabulary. */
export function unitsFor(metric: string): readonly string[] {
  const to = unitOf(metric);
  return to === undefined ? [] : unitNames.filter(name => UNITS[name]?.[0] === UNITS[to]?.[0]);
}

/**
 * From a unit into the unit of a metric, as a function; undefined when the two do not measure the same. A metric outside
 * the vocabulary keeps the unit it came in.
 */
export function conversion(given: string, metric: string): ((value: number) => number) | undefined {
  // Keyboards have two letters for micro.
  const from = given.replace('\u03bc', '\u00b5');
  const to = unitOf(metric) ?? from;
  if (from === to) return value => value;
  const source = Object.hasOwn(UNITS, from) ? UNITS[from] : undefined;
  const target = UNITS[to];
  if (source === undefined || target === undefined || source[0] !== target[0]) return undefined;
  return value => rounded((value * source[1] + source[2] - target[2]) / target[1]);
}

/** Twelve significant digits: far finer than any sensor, and 3 × 0.1 stays 0.3. */
export function rounded(value: number): number {
  return Number(value.toPrecision(12));
}
