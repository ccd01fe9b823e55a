// Teltonika EYE sensors: company 0x089A, flags that say which values follow, big-endian.
import type { Value } from '../../reading/reading.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const COMPANY = '089a';
const VERSION = 0x01;
const HEAD = 2;
const MAGNET_FITTED = 0x04;
const MAGNET_NEAR = 0x08;
const LOW_BATTERY = 0x40;

type Part = { bit: number; bytes: number; read(view: DataView, at: number): Record<string, Value> };
/** In the order in which they follow. */
const parts: readonly Part[] = [
  { bit: 0x01, bytes: 2, read: (view, at) => ({ temperature: view.getInt16(at) / 100 }) },
  { bit: 0x02, bytes: 1, read: (view, at) => ({ humidity: view.getUint8(at) }) },
  {
    bit: 0x10,
    bytes: 2,
    read: (view, at) => ({
      moving: (view.getUint16(at) & 0x8000) !== 0,
      movement_counter: view.getUint16(at) & 0x7fff,
    }),
  },
  { bit: 0x20, bytes: 3, read: (view, at) => ({ pitch: view.getInt8(at), roll: view.getInt16(at + 1) }) },
  // Hundredths of a volt above 2 V.
  { bit: 0x80, bytes: 1, read: (view, at) => ({ voltage: rounded(2 + view.getUint8(at) / 100) }) },
];

export const decoder = defineDecoder({
  name: 'teltonika-eye',
  vendor: 'Teltonika',
  models: ['EYE Sensor', 'EYE Beacon'],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame[0] !== VERSION || frame.length < HEAD)
      return { telemetry: {}, deviceModel: 'Teltonika EYE', quality: { payload: 'this version is not known' } };
    const flags = frame[1]!;
    const view = viewOf(frame);
    const telemetry: Record<string, Value> = { low_battery: (flags & LOW_BATTERY) !== 0 };
    if (flags & MAGNET_FITTED) telemetry['opening'] = (flags & MAGNET_NEAR) === 0;
    let at = HEAD;
    for (const { bit, bytes, read } of parts) {
      if ((flags & bit) === 0) continue;
      if (frame.length < at + bytes)
        return { rejected: `Teltonika EYE: ${frame.length} bytes are too few for what the flags name` };
      Object.assign(telemetry, read(view, at));
      at += bytes;
    }
    return { telemetry, deviceModel: 'Teltonika EYE' };
  },
  examples: [
    {
      name: 'all but a low battery',
      origin: 'custom-components/ble_monitor test_teltonika.py (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '01b708b4120ccb0bffc767' } },
      gives: {
        low_battery: false,
        opening: true,
        temperature: 22.28,
        humidity: 18,
        moving: false,
        movement_counter: 3275,
        pitch: 11,
        roll: -57,
        voltage: 3.03,
      },
    },
    {
      name: 'below zero, battery low',
      advert: { manufacturer_data: { [COMPANY]: '0143' + 'fe0c' + '2d' } },
      gives: { low_battery: true, temperature: -5, humidity: 45 },
    },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '01b708b4120c' } }, rejects: 'too few' },
  ],
});
