// MikroTik Bluetooth tags: company 0x094F, little-endian, 8.8 fixed point.
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const COMPANY = '094f';
const LENGTH = 18;
const ENCRYPTED = 0x01;
// Tags for indoors have no thermometer.
const NO_TEMPERATURE = -128;

const fixed = (view: DataView, at: number): number => rounded(view.getInt16(at, true) / 256);

export const decoder = defineDecoder({
  name: 'mikrotik',
  vendor: 'MikroTik',
  models: ['TG-BT5-IN', 'TG-BT5-OUT'],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame.length !== LENGTH) return { rejected: `MikroTik: expected ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    if (view.getUint8(1) & ENCRYPTED)
      return {
        telemetry: {},
        deviceModel: 'MikroTik tag',
        metadata: { encrypted: true },
        quality: { payload: 'encrypted, keys of these tags are not taken' },
      };
    const temperature = fixed(view, 10);
    const flags = view.getUint8(16);
    return {
      telemetry: {
        // In m/s².
        acceleration_x: fixed(view, 4),
        acceleration_y: fixed(view, 6),
        acceleration_z: fixed(view, 8),
        ...(temperature === NO_TEMPERATURE ? {} : { temperature }),
        battery: view.getUint8(17),
        opening: (flags & 0x01) === 0,
        tilted: (flags & 0x02) !== 0,
        dropped: (flags & 0x04) !== 0,
        impact: (flags & 0x38) !== 0,
      },
      deviceModel: temperature === NO_TEMPERATURE ? 'MikroTik TG-BT5-IN' : 'MikroTik TG-BT5-OUT',
      metadata: { uptime: view.getUint32(12, true) },
    };
  },
  examples: [
    {
      name: 'outdoors',
      origin: 'custom-components/ble_monitor test_mikrotik.py (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '010010a90000fdff0100a1196be866000062' } },
      gives: {
        acceleration_x: 0,
        acceleration_y: -0.011719,
        acceleration_z: 0.003906,
        temperature: 25.628906,
        battery: 98,
        opening: true,
        tilted: false,
        dropped: false,
        impact: false,
      },
    },
    {
      name: 'indoors, dropped',
      advert: { manufacturer_data: { [COMPANY]: '010010a90000fdff010000806be866000562' } },
      gives: {
        acceleration_x: 0,
        acceleration_y: -0.011719,
        acceleration_z: 0.003906,
        battery: 98,
        opening: false,
        tilted: false,
        dropped: true,
        impact: false,
      },
    },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '010010a90000' } }, rejects: 'expected 18 bytes, got 6' },
  ],
});
