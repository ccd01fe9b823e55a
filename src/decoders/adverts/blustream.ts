// Blustream instrument sensors (TaylorSense): company 0x0194, hundredths, big-endian.
import { type Decoded, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const COMPANY = '0194';
const LENGTH = 9;

export const decoder = defineDecoder({
  name: 'blustream',
  vendor: 'Blustream',
  models: ['TaylorSense'],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame.length !== LENGTH) return { rejected: `Blustream: expected ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    return {
      telemetry: {
        temperature: view.getInt16(7) / 100,
        humidity: view.getUint16(5) / 100,
        acceleration: view.getUint8(4),
      },
      deviceModel: 'Blustream',
    };
  },
  examples: [
    {
      name: 'in its case',
      origin: 'custom-components/ble_monitor test_blustream.py (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '01def902be0ff107d0' } },
      gives: { temperature: 20, humidity: 40.81, acceleration: 190 },
    },
    {
      name: 'below zero',
      advert: { manufacturer_data: { [COMPANY]: '01def902be0ff1fe0c' } },
      gives: { temperature: -5, humidity: 40.81, acceleration: 190 },
    },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '01def902be0f' } }, rejects: 'expected 9 bytes, got 6' },
  ],
});
