// Where Inkbird puts its frame: some models send the first value in the place of the company id.
import type { Advert } from '../../../reading/advert.ts';

export const SERVICE = 'fff0';

// These stand beside the frame with values: settings of probes, an iBeacon.
const BESIDE = new Set(['0002', '004c']);

/** The frame with the company id before it; of several the last, which scanners append when it changes. */
export function wholeFrame(advert: Advert): Uint8Array | undefined {
  let whole: Uint8Array | undefined;
  for (const [company, bytes] of advert.manufacturerData) {
    if (!/^[0-9a-f]{4}$/.test(company) || (advert.manufacturerData.size > 1 && BESIDE.has(company))) continue;
    const id = Number.parseInt(company, 16);
    whole = Uint8Array.of(id & 0xff, id >> 8, ...bytes);
  }
  return whole;
}
