// Values as people read them on a dashboard: rounded, with their unit, and how long ago.
import { unitOf } from '../reading/units.ts';

/** Digits behind the point that still mean something; for any other metric two, none for a whole number. */
const decimals: Readonly<Record<string, number>> = {
  value_mm: 1,
  distance: 0,
  temperature: 1,
  humidity: 0,
  moisture: 0,
  battery: 0,
  pressure: 1,
  illuminance: 0,
  co2: 0,
  voc: 0,
  pm2_5: 0,
  pm10: 0,
  conductivity: 0,
  voltage: 1,
  current: 2,
  power: 0,
  power_kw: 3,
  totalizer: 1,
};

const [SMALL, LARGE] = [0.01, 1e15];

/** Several of a kind in one device: `temperature_2`. */
const NUMBERED = /_\d+$/;

/** `21.5 °C`; a dash for what is not there. */
export function shown(metric: string, value: number | string | boolean | null | undefined): string {
  if (value === null || value === undefined || (typeof value === 'number' && !Number.isFinite(value))) return '–';
  if (typeof value !== 'number') return String(value);
  const measured = ofKind(metric);
  const unit = unitOf(measured);
  const number = Object.hasOwn(decimals, measured) ? rounded(value, decimals[measured]!) : ofAnySize(value);
  return unit === undefined ? number : `${number} ${unit}`;
}

/** With two digits behind the point, in so far as they tell anything of it. */
function ofAnySize(value: number): string {
  const size = Math.abs(value);
  if (size >= LARGE) return String(Number(value.toPrecision(6)));
  if (size > 0 && size < SMALL) return String(Number(value.toPrecision(3)));
  return rounded(value, Number.isInteger(value) ? 0 : 2);
}

function ofKind(metric: string): string {
  return unitOf(metric) === undefined ? metric.replace(NUMBERED, '') : metric;
}

/** Without the minus of a value that rounds to zero. */
export function rounded(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text;
}

/** `12 s ago`, in the largest unit that fits; `never` for no time. */
export function ago(time: string | null, nowMs: number): string {
  if (time === null) return 'never';
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(time)) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}
