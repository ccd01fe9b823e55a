// The fields that requests are made of, each with its check, its message and what OpenAPI says of it.
import { z } from 'zod';
import { completed, isoTime } from '../reading/time.ts';

/** PostgreSQL has no text with a NUL in it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a NUL is what is refused
const NO_NUL = /^[^\u0000]*$/;

export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** `what` is said in a complaint: `device: expected <what>, got …`. */
export function text(what: string, longest = 200) {
  return z.string({ error: what }).min(1, { error: what }).max(longest, { error: what }).regex(NO_NUL, { error: what });
}

export const deviceId = text('a device id').describe('Id of the device.');
export const metricName = text('the name of a metric');
export const cursor = text('a cursor', 1000).describe('Where the page before ended; its Link has it.');

export function wholeNumber(least: number, most: number) {
  const error = `a whole number from ${least} to ${most}`;
  return z.coerce.number({ error }).int({ error }).min(least, { error }).max(most, { error });
}

/** A flag in a query string. */
export const flag = z.enum(['true', 'false'], { error: 'true or false' }).transform(word => word === 'true');

/** A time in a query string, as ISO 8601 with Z and every digit of it. */
export const time = z
  .string({ error: 'a time in ISO 8601' })
  .max(64, { error: 'a time in ISO 8601' })
  .transform((given, context) => {
    const iso = instantOf(given);
    if (iso === undefined) context.issues.push({ code: 'custom', message: 'a time in ISO 8601', input: given });
    return iso ?? '';
  })
  .describe('ISO 8601 with a zone, else UTC; a date; or seconds or milliseconds since 1970.');

/** A time in any of the forms above as ISO 8601 with Z, from the year 1 on; undefined for anything else. */
export function instantOf(value: unknown): string | undefined {
  const iso = isoTime(typeof value === 'string' ? completed(value) : value);
  return iso === undefined || iso < '0001' || Number.isNaN(Date.parse(iso)) ? undefined : iso;
}
