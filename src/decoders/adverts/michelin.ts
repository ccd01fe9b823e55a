// Michelin tyre sensors: company 0x0828, absolute pressure in millibars, the tyre as text.
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const COMPANY = '0828';
const LENGTH = 14;
const VALUES = [0x03, 0x04];
const COLDEST = 60;

export const decoder = defineDecoder({
  name: 'michelin',
  vendor: 'Michelin',
  models: ['TMS'],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    const deviceModel = 'Michelin TMS';
    if (frame.length < 2) return { rejected: `Michelin: expected ${LENGTH} bytes, got ${frame.length}` };
    if (!VALUES.includes(frame[1]!))
      return { telemetry: {}, deviceModel, quality: { payload: 'this frame is not known' } };
    if (frame.length !== LENGTH) return { rejected: `Michelin: expected ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    return {
      telemetry: {
        temperature: view.getUint8(2) - COLDEST,
        voltage: rounded(view.getUint8(3) / 100 + 1, 2),
        pressure: view.getUint16(4, true),
        steps: view.getUint8(9),
        count: view.getUint32(10, true),
      },
      deviceModel,
      metadata: {
        tyre: Buffer.from(frame.subarray(6, 9))
          .toString('latin1')
          .replace(/[^\x20-\x7e]/g, ''),
      },
    };
  },
  examples: [
    {
      name: 'on no wheel',
      origin: 'custom-components/ble_monitor test_michelin.py (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '01034fc8d403505643017d511e00' } },
      gives: { temperature: 19, voltage: 3, pressure: 980, steps: 1, count: 1_986_941 },
    },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '01034fc8d403' } }, rejects: 'expected 14 bytes, got 6' },
  ],
});
