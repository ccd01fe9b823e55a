// A request for history as it comes from a URL or a message: checked field by field, bounded, with defaults.
import { expected } from '../kernel/fault.ts';
import { instantOf } from './fields.ts';
import { type Aggregate, aggregates, type HistoryRequest } from './history.ts';
import { type Problem, problem } from './problem.ts';

const DEFAULT_HOURS = 24;
const DEFAULT_POINTS = 500;
export const MAX_POINTS = 2000;
export const MAX_SERIES = 50;
/** Rows of one answer, over all series. */
export const MAX_ROWS = 20_000;
const MAX_HOURS = 24 * 366 * 100;
const HOUR_MS = 3_600_000;

const WIDTH = /^(\d{1,5})(ms|s|m|h|d|w|mo|y)$/;
const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: HOUR_MS, d: 24 * HOUR_MS, w: 168 * HOUR_MS };

/**
 * `device` and `metric`, one or several each; `start` and `end` (ISO 8601, a date, or seconds or milliseconds since 1970)
 * or `hours` before `end`; `points`, or `bucket` such as 15m, 1h, 1d, 1mo; `aggregate`; `tz`; `gaps`: skip or null.
 */
export function historyRequest(given: Readonly<Record<string, unknown>>, nowMs: number): HistoryRequest | Problem {
  const devices = listOf(given['device']);
  if (!devices.every(isName) || devices.length === 0) return fault('device', 'a device id', given['device']);
  const metrics = listOf(given['metric']);
  if (!metrics.every(isName) || metrics.length === 0) return fault('metric', 'the name of a metric', given['metric']);
  const series = devices.length * metrics.length;
  if (series > MAX_SERIES) return fault('device', `at most ${MAX_SERIES} series (devices times metrics)`, series);

  const range = rangeOf(given, nowMs);
  if ('detail' in range) return range;
  const { start, end } = range;
  const zone = given['tz'] ?? 'UTC';
  if (!isZone(zone)) return fault('tz', 'a time zone such as Europe/Berlin', zone);
  const wanted = listOf(given['aggregate'] ?? []);
  const unknown = wanted.find(name => !aggregates.includes(name as Aggregate));
  if (unknown !== undefined) return fault('aggregate', `one of ${aggregates.join(', ')}`, unknown);
  const bucket = bucketOf(given, end - start, series);
  if ('detail' in bucket) return bucket;
  return {
    ...{ devices, metrics, start: new Date(start), end: new Date(end), bucket, zone },
    aggregates: wanted.length > 0 ? (wanted as Aggregate[]) : ['avg', 'min', 'max', 'count'],
    gaps: given['gaps'] === 'null',
  };
}

function rangeOf(given: Readonly<Record<string, unknown>>, nowMs: number): { start: number; end: number } | Problem {
  const hours = given['hours'] === undefined ? DEFAULT_HOURS : Number(given['hours']);
  if (!(hours > 0 && hours <= MAX_HOURS)) return fault('hours', `a number above 0, up to ${MAX_HOURS}`, given['hours']);
  const end = timeOf(given['end'], nowMs);
  if (end === undefined) return fault('end', 'a time in ISO 8601', given['end']);
  const start = timeOf(given['start'], Math.max(1, end - hours * HOUR_MS));
  if (start === undefined) return fault('start', 'a time in ISO 8601', given['start']);
  return start < end ? { start, end } : fault('start', 'a time before end', given['start'] ?? given['end']);
}

/** Width of the buckets: the one asked for, else so wide that there are `points` of them at most. */
function bucketOf(
  given: Readonly<Record<string, unknown>>,
  rangeMs: number,
  series: number,
): HistoryRequest['bucket'] | Problem {
  if (given['bucket'] === undefined || given['bucket'] === '') {
    const points =
      given['points'] === undefined ? Math.min(DEFAULT_POINTS, Math.floor(MAX_ROWS / series)) : Number(given['points']);
    if (!Number.isInteger(points) || points < 1 || points > MAX_POINTS)
      return fault('points', `a whole number from 1 to ${MAX_POINTS}`, given['points']);
    if (points * series > MAX_ROWS)
      return fault('points', `at most ${Math.floor(MAX_ROWS / series)} for so many series`, points);
    return { interval: `${Math.max(1, Math.ceil(rangeMs / points))} milliseconds`, from: 'start' };
  }
  const [, digits = '', unit = ''] = WIDTH.exec(String(given['bucket'])) ?? [];
  const count = Number(digits);
  if (unit === '' || count === 0)
    return fault('bucket', 'a width such as 30s, 15m, 1h, 1d, 1w or 1mo', given['bucket']);
  const months = unit === 'mo' ? count : unit === 'y' ? count * 12 : 0;
  const widthMs = months > 0 ? months * 28 * UNIT_MS.d : count * UNIT_MS[unit as keyof typeof UNIT_MS];
  if ((rangeMs / widthMs + 2) * series > MAX_ROWS)
    return fault('bucket', `one that gives at most ${MAX_ROWS} rows in this range`, given['bucket']);
  if (months > 0) return { interval: `${months} months`, from: 'calendar' };
  // Up to an hour the clock of any zone runs straight on; longer ones follow its days.
  return { interval: `${widthMs} milliseconds`, from: widthMs <= HOUR_MS ? 'midnight' : 'calendar' };
}

/** Each once, however often it was named. */
function listOf(value: unknown): string[] {
  if (value === undefined || value === '') return [];
  return [...new Set((Array.isArray(value) ? value : [value]) as string[])];
}

/** PostgreSQL has no text with a NUL in it. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 200 && !value.includes('\0');
}

/** Names only: what an offset means, the two worlds do not agree on. */
function isZone(value: unknown): value is string {
  if (typeof value !== 'string' || !/^[A-Za-z][\w+/-]{0,63}$/.test(value)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

function timeOf(value: unknown, otherwise: number): number | undefined {
  if (value === undefined || value === '') return otherwise;
  const iso = instantOf(value);
  return iso === undefined ? undefined : Date.parse(iso);
}

function fault(field: string, what: string, got: unknown): Problem {
  return problem(400, 'Bad request', expected(field, what, got), field);
}
