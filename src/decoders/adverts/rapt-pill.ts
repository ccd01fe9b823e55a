// RAPT Pill hydrometers: the text RAPT (its first half stands as the company id), big-endian values, versions 1 and 2.
import { type Decoded, defineDecoder } from '../define.ts';
import { float32, rounded, viewOf } from './shared/numbers.ts';

const VALUES = '4152';
const FIRMWARE = '454b';
const TEXT = Buffer.from('PT');
const FIRMWARE_TEXT = Buffer.from('G');
// It names the hardware, without values.
const HARDWARE = Buffer.from('PTdPill');
const LENGTH = 23;
const deviceModel = 'RAPT Pill';

const begins = (frame: Uint8Array | undefined, text: Buffer): boolean =>
  frame !== undefined && text.equals(frame.subarray(0, text.length));

/** Version 2 tells how fast the gravity falls, in points a day, where version 1 has the address. */
function velocityOf(view: DataView): Record<string, number> {
  return view.getUint8(2) === 2 && view.getUint8(4) === 1 ? { gravity_velocity: float32(view, 5, false) } : {};
}

export const decoder = defineDecoder({
  name: 'rapt-pill',
  vendor: 'KegLand',
  models: [deviceModel],
  source: 'https://github.com/sairon/rapt-ble',
  keys: [VALUES, FIRMWARE],
  matches: ({ manufacturerData }) =>
    begins(manufacturerData.get(VALUES), TEXT) || begins(manufacturerData.get(FIRMWARE), FIRMWARE_TEXT),
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(VALUES) ?? new Uint8Array();
    if (!begins(frame, TEXT)) return { telemetry: {}, deviceModel, quality: { payload: 'only the firmware' } };
    if (begins(frame, HARDWARE)) return { telemetry: {}, deviceModel, quality: { payload: 'only the hardware' } };
    if (frame.length !== LENGTH) return { rejected: `RAPT Pill: expected ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    const version = view.getUint8(2);
    if (version !== 1 && version !== 2) return { rejected: `RAPT Pill: expected version 1 or 2, got ${version}` };
    return {
      telemetry: {
        temperature: rounded(view.getUint16(9) / 128 - 273.15, 2),
        gravity: rounded(view.getFloat32(11) / 1000, 4),
        battery: rounded(view.getInt16(21) / 256, 0),
        ...velocityOf(view),
      },
      deviceModel,
    };
  },
  examples: [
    {
      name: 'version 1',
      origin: 'sairon/rapt-ble tests/test_parser.py (MIT)',
      advert: { manufacturer_data: { [VALUES]: '50540178e36d3cb994948b447cb9f6344502622677' + '2aac' } },
      gives: { temperature: 23.94, gravity: 1.0109, battery: 43 },
    },
    {
      name: 'version 2, the gravity falls at a known rate',
      origin: 'sairon/rapt-ble tests/test_parser.py (MIT)',
      advert: { manufacturer_data: { [VALUES]: '505402' + '00013e9dd1ab' + '948b447cb9f6344502622677' + '2aac' } },
      gives: { temperature: 23.94, gravity: 1.0109, battery: 43, gravity_velocity: 0.3082403 },
    },
    {
      name: 'version 2, the rate is not known yet, below zero',
      advert: { manufacturer_data: { [VALUES]: '505402' + '000000000000' + '8613447cb9f6344502622677' + '2aac' } },
      gives: { temperature: -5, gravity: 1.0109, battery: 43 },
    },
    {
      name: 'firmware',
      advert: { manufacturer_data: { [FIRMWARE]: '4732303232303631325f3035303135365f383163366431' } },
      gives: {},
    },
    { name: 'hardware', advert: { manufacturer_data: { [VALUES]: '50546450696c6c4731' } }, gives: {} },
    {
      name: 'cut',
      advert: { manufacturer_data: { [VALUES]: '50540178e36d3cb994948b44' } },
      rejects: 'expected 23 bytes',
    },
    {
      name: 'another version',
      advert: { manufacturer_data: { [VALUES]: '50540378e36d3cb994948b447cb9f63445026226772aac' } },
      rejects: 'version 1 or 2, got 3',
    },
  ],
});
