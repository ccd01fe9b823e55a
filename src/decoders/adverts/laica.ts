// Laica scales: company 0xA0AC, the weight hidden by one xor.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const COMPANY = 'a0ac';
const LENGTH = 12;
const MASK = 0xa0;
const IMPEDANCE = 0x06;
const WEIGHT = 0x0d;

function frameOf(advert: Advert): Uint8Array | undefined {
  const frame = advert.manufacturerData.get(COMPANY);
  return frame?.length === LENGTH && (frame[10] === IMPEDANCE || frame[10] === WEIGHT) ? frame : undefined;
}

export const decoder = defineDecoder({
  name: 'laica',
  vendor: 'Laica',
  models: ['Smart Scale'],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [COMPANY],
  matches: advert => frameOf(advert) !== undefined,
  decode(advert): Decoded {
    const frame = frameOf(advert);
    if (frame === undefined) return { rejected: `Laica: expected ${LENGTH} bytes with a weight or an impedance` };
    const view = viewOf(frame.subarray(6, 10).map(byte => byte ^ MASK));
    return {
      telemetry:
        frame[10] === WEIGHT
          ? // Grams, told to the tenth of a kilogram.
            { mass: rounded((view.getUint32(0) & 0x3ffff) / 1000, 1) }
          : { impedance: view.getUint16(0) },
      deviceModel: 'Laica Smart Scale',
    };
  },
  examples: [
    {
      name: 'a child',
      origin: 'custom-components/ble_monitor test_laica.py (MIT)',
      advert: { manufacturer_data: { [COMPANY]: 'a02bbe5e91a0a02c92140dbf' } },
      gives: { mass: 13 },
    },
    {
      name: 'impedance',
      advert: { manufacturer_data: { [COMPANY]: 'a02bbe5e91a0a254a0a006bf' } },
      gives: { impedance: 756 },
    },
  ],
});
