// For the tests of this room: readings, each unlike every other one.
import { digest } from '../kernel/bytes.ts';
import type { Metadata, Reading } from '../reading/reading.ts';

export const TIME = '2026-01-03T16:00:00.000Z';
let made = 0;

/** Of device `d` at `TIME`; two of the same values differ in their digest, unless it is given. */
export const reading = (
  telemetry: Reading['telemetry'],
  metadata: Metadata = {},
  more: Partial<Reading> = {},
): Reading => ({
  deviceId: 'd',
  protocol: 'mqtt',
  timestamp: TIME,
  telemetry,
  metadata: { digest: digest(String(made++)), ...metadata },
  ...more,
});
