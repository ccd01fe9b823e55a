// Device time: parsed without losing digits, and replaced by the time of receipt where it cannot be true.
import { milliseconds } from './instant.ts';
import { shallowEnough } from './payload.ts';

const ISO = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:[.,](\d{1,9}))?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$/i;

// The form nearly every device sends; checked without a Date, which costs ten times as much.
const PLAIN = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?Z$/;
// Months have at least 28 days; the rest is left to Date.
const plainDay = (text: string): boolean => text.charCodeAt(8) < 50 || text.slice(8, 10) <= '28';

/**
 * ISO 8601 with Z and at least milliseconds, finer digits kept; undefined when it is no time. Numbers are seconds, ms, µs
 * or ns by their size; text without a zone is UTC.
 */
export function isoTime(value: unknown): string | undefined {
  if (typeof value === 'number') {
    if (!Number.isFinite(value) || value <= 0) return undefined;
    const ms = value < 1e11 ? value * 1000 : value < 1e14 ? value : value < 1e17 ? value / 1000 : value / 1e6;
    const date = new Date(ms);
    return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
  }
  if (typeof value !== 'string') return undefined;
  if (PLAIN.test(value) && plainDay(value))
    return value.length >= 24 ? value : `${value.slice(0, 19)}.${value.slice(20, -1).padEnd(3, '0')}Z`;
  const parts = ISO.exec(value.trim());
  if (parts === null) return /^\d{10,19}(\.\d+)?$/.test(value.trim()) ? isoTime(Number(value)) : undefined;
  const [, day, clock, fraction = '', zone = 'Z'] = parts;
  // Databases write whole hours alone, which Date does not know.
  const date = new Date(`${day}T${clock}${zone.toUpperCase()}${zone.length === 3 ? ':00' : ''}`);
  // A date such as 31 February is moved on by Date; it is no time.
  if (Number.isNaN(date.getTime()) || new Date(`${day}T${clock}Z`).toISOString().slice(0, 10) !== day) return undefined;
  return `${date.toISOString().slice(0, 19)}.${fraction.padEnd(3, '0')}Z`;
}

/** What people leave out of a time, put in: its seconds, or the whole time of the day. In a URL the + of a zone arrives as a space. */
export function completed(text: string): string {
  return text
    .trim()
    .replace(/ (?=\d\d:?\d\d$)(?<=[T ]\d\d:\d\d\S* )/, '+')
    .replace(/^\d{4}-\d\d-\d\d$/, '$&T00:00:00Z')
    .replace(/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?=$|Z|[+-])/i, '$&:00');
}

export type TimeLimits = { earliest: number; aheadMs: number };
export const timeLimits: TimeLimits = { earliest: Date.UTC(2015, 0, 1), aheadMs: 10 * 60_000 };

export type TimeVerdict = { timestamp: string; timestampSource?: 'gateway'; deviceTimestamp?: string };

const YEAR_MS = 366 * 86_400_000;

/** The time that a device said and that was not usable, where another clock could have believed it; else undefined. */
export function saidTime(deviceTimestamp: string | undefined, now: number): string | undefined {
  const said = deviceTimestamp === undefined ? undefined : isoTime(deviceTimestamp);
  const ms = said === undefined ? Number.NaN : milliseconds(said);
  return ms >= timeLimits.earliest && ms < now + YEAR_MS ? said : undefined;
}

/**
 * The receipt where the message is known again by it: without a usable time of its own, and on a second delivery, since
 * the first may have been judged by a clock that was set meanwhile.
 */
export function neededReceipt<R extends { redelivered: boolean }>(
  time: Pick<TimeVerdict, 'timestampSource'>,
  receipt: R | undefined,
): R | undefined {
  return time.timestampSource === undefined && receipt?.redelivered !== true ? undefined : receipt;
}

/** The device's time where it is usable, else the time of receipt and what the device said. */
export function timeOf(given: unknown, receivedAt: number, limits: TimeLimits = timeLimits): TimeVerdict {
  const own = given === undefined || given === null || given === '' ? undefined : isoTime(given);
  if (own !== undefined) {
    const ms = milliseconds(own);
    if (ms >= limits.earliest && ms <= receivedAt + limits.aheadMs) return { timestamp: own };
  }
  const verdict: TimeVerdict = { timestamp: new Date(receivedAt).toISOString(), timestampSource: 'gateway' };
  if (given !== undefined && given !== null && given !== '') {
    // JSON of an object, since its own toString may be anything; what is nested without end cannot be written.
    const said = typeof given !== 'object' ? String(given) : shallowEnough(given) ? JSON.stringify(given) : 'nested';
    verdict.deviceTimestamp = said.slice(0, 64);
  }
  return verdict;
}
