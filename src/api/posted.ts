// What a sender has to say rightly, whichever way he posts: the name of the device, and the time where he gives one.
import { expected } from '../kernel/fault.ts';
import { deviceName, limits } from '../reading/payload.ts';

/** The name as it stands, or what is wrong. Two devices whose names differ by what cannot be seen must not become one. */
export function postedName(field: string, value: unknown): { name: string } | { fault: string } {
  const name = deviceName(value);
  const what = `a device's name of at most ${limits.deviceLength} characters that can be seen`;
  return name === undefined || String(value).trim() !== name ? { fault: expected(field, what, value) } : { name };
}

/** A clock may show any time; what no clock shows is a mistake of the sender. Undefined: nothing is wrong. */
export function timeFault(field: string, value: unknown): string | undefined {
  const clock = value === undefined || value === null || typeof value === 'number' || value === '';
  return clock || (typeof value === 'string' && /\d/.test(value))
    ? undefined
    : expected(field, 'an ISO 8601 time', value);
}
