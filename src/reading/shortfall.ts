// Shortfall: what devices should have said and did not, for the counters of the nodes that read their messages.
import type { Reading } from './reading.ts';

export type Shortfall = { clockless: number; absent: number; repaired: number };

/**
 * `clockless`: readings with the time of receipt in place of the device's. `absent`: values that were none. `repaired`:
 * readings of messages with text that could not be stored as it came.
 */
export function shortfallOf(readings: readonly Reading[]): Shortfall {
  let [clockless, absent, repaired] = [0, 0, 0];
  for (const { metadata } of readings) {
    if (metadata.timestampSource === 'gateway') clockless++;
    if (metadata.repaired !== undefined) repaired++;
    absent += Object.keys(metadata.quality ?? {}).length;
  }
  return { clockless, absent, repaired };
}
