// Shortfall: what devices should have said and did not, for the counters of the nodes that read their messages.
import type { Reading } from './reading.ts';

/** `clockless`: readings with the time of receipt in place of the device's. `absent`: values that were none. */
export function shortfallOf(readings: readonly Reading[]): { clockless: number; absent: number } {
  let [clockless, absent] = [0, 0];
  for (const { metadata } of readings) {
    if (metadata.timestampSource === 'gateway') clockless++;
    absent += Object.keys(metadata.quality ?? {}).length;
  }
  return { clockless, absent };
}
