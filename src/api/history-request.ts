// A request for history as it comes from a URL or a message: checked field by field, bounded, with defaults.
import { expected } from '../kernel/fault.ts';
import { isoTime } from '../reading/time.ts';
import type { HistoryRequest } from './history.ts';
import { type Problem, problem } from './problem.ts';

const DEFAULT_HOURS = 24;
const DEFAULT_POINTS = 500;
const MAX_POINTS = 2000;
const MAX_DAYS = 400;
const HOUR_MS = 3_600_000;

/** `device`, `metric`; `start` and `end` (ISO 8601, a date, or seconds or milliseconds since 1970) or `hours` before `end`; `points`. */
export function historyRequest(given: Readonly<Record<string, unknown>>, nowMs: number): HistoryRequest | Problem {
  const { device, metric } = given;
  if (!isName(device)) return fault('device', 'a device id', device);
  if (!isName(metric)) return fault('metric', 'the name of a metric', metric);
  const points = given['points'] === undefined ? DEFAULT_POINTS : Number(given['points']);
  if (!Number.isInteger(points) || points < 1 || points > MAX_POINTS)
    return fault('points', `a whole number from 1 to ${MAX_POINTS}`, given['points']);
  const hours = given['hours'] === undefined ? DEFAULT_HOURS : Number(given['hours']);
  if (!(hours > 0 && hours <= MAX_DAYS * 24))
    return fault('hours', `a number above 0, up to ${MAX_DAYS * 24}`, given['hours']);
  const end = timeOf(given['end'], nowMs);
  if (end === undefined) return fault('end', 'a time in ISO 8601', given['end']);
  const start = timeOf(given['start'], end - hours * HOUR_MS);
  if (start === undefined) return fault('start', 'a time in ISO 8601', given['start']);
  if (start >= end) return fault('start', 'a time before end', given['start']);
  if (end - start > MAX_DAYS * 24 * HOUR_MS)
    return fault('start', `at most ${MAX_DAYS} days before end`, given['start']);
  return { device, metric, start: new Date(start), end: new Date(end), points };
}

/** PostgreSQL has no text with a NUL in it. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 200 && !value.includes('\0');
}

function timeOf(value: unknown, otherwise: number): number | undefined {
  if (value === undefined || value === '') return otherwise;
  // In a URL the + of a zone arrives as a space.
  const text = typeof value === 'string' ? value.replace(/ (?=\d\d:?\d\d$)/, '+') : value;
  const time = isoTime(typeof text === 'string' && /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  return time === undefined ? undefined : Date.parse(time);
}

function fault(field: string, what: string, got: unknown): Problem {
  return problem(400, 'Bad request', expected(field, what, got), field);
}
