// Chef iQ meat thermometer CQ60: company 0x05CD, five temperatures in tenths and one in whole degrees.
import { type Decoded, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const COMPANY = '05cd';
const LENGTH = 18;
// Rings that touch nothing tell values just below all ones.
const NOT_MEASURED = 0x7ff0;
const NOT_MEASURED_WHOLE = 0xfe;
/** Where the tenths stand. */
const rings: readonly (readonly [metric: string, at: number])[] = [
  ['temperature_meat', 6],
  ['temperature_tip', 8],
  ['temperature_probe_1', 10],
  ['temperature_probe_2', 12],
  ['temperature_ambient', 14],
];

export const decoder = defineDecoder({
  name: 'chef-iq',
  vendor: 'Chef iQ',
  models: ['CQ60'],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame.length !== LENGTH) return { rejected: `Chef iQ: expected ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    const telemetry: Record<string, number> = { battery: view.getUint8(2) };
    const quality: Record<string, string> = {};
    for (const [metric, at] of rings) {
      const raw = view.getInt16(at, true);
      if (raw >= NOT_MEASURED) quality[metric] = 'not available';
      else telemetry[metric] = raw / 10;
    }
    const whole = view.getUint8(3);
    if (whole >= NOT_MEASURED_WHOLE) quality['temperature_probe_3'] = 'not available';
    else telemetry['temperature_probe_3'] = whole;
    return { telemetry, quality, deviceModel: 'Chef iQ CQ60' };
  },
  examples: [
    {
      name: 'cold meat',
      origin: 'custom-components/ble_monitor test_chefiq.py (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '01406313c000c900c900ca00cb00c0008d11' } },
      gives: {
        battery: 99,
        temperature_meat: 20.1,
        temperature_tip: 20.1,
        temperature_probe_1: 20.2,
        temperature_probe_2: 20.3,
        temperature_probe_3: 19,
        temperature_ambient: 19.2,
      },
    },
    {
      name: 'not in any meat',
      origin: 'custom-components/ble_monitor test_chefiq.py (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '014063fefb7ffb7ffb7ffb7ffb7ffb7f8d11' } },
      gives: { battery: 99 },
    },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '01406313c000c900' } }, rejects: 'expected 18 bytes' },
  ],
});
