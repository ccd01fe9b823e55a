// Acconeer radar modules: company 0xACC0, then the module, battery, temperature, and presence or distance.
import { type Decoded, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const COMPANY = 'acc0';
const LENGTH = 15;
const DISTANCE = 0x90;
const models: ReadonlyMap<number, string> = new Map([
  [0x80, 'XM122'],
  [DISTANCE, 'XM126'],
  [0x91, 'XM126'],
]);

export const decoder = defineDecoder({
  name: 'acconeer',
  vendor: 'Acconeer',
  models: [...new Set(models.values())],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [COMPANY],
  matches: advert => models.has(advert.manufacturerData.get(COMPANY)?.[0] ?? -1),
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame.length !== LENGTH) return { rejected: `Acconeer: expected ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    const sensed = view.getUint16(5, true);
    return {
      telemetry: {
        battery: view.getUint16(1, true),
        temperature: view.getInt16(3, true),
        ...(frame[0] === DISTANCE ? { distance: sensed } : { motion: sensed !== 0 }),
      },
      deviceModel: `Acconeer ${models.get(frame[0]!)}`,
    };
  },
  examples: [
    {
      name: 'somebody is there',
      origin: 'custom-components/ble_monitor test_acconeer_parser.py (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '806400160001000000000000000000' } },
      gives: { battery: 100, temperature: 22, motion: true },
    },
    {
      name: 'nobody, below zero',
      advert: { manufacturer_data: { [COMPANY]: '916400fbff00000000000000000000' } },
      gives: { battery: 100, temperature: -5, motion: false },
    },
    {
      name: 'distance',
      origin: 'custom-components/ble_monitor test_acconeer_parser.py (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '906400160058050000000000000000' } },
      gives: { battery: 100, temperature: 22, distance: 1368 },
    },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '8064001600' } }, rejects: 'expected 15 bytes, got 5' },
  ],
});
