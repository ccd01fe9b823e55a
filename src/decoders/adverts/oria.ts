// Oria (SensorPro) thermometers T201 and T301: company 0xAA55, big-endian hundredths.
import { defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const COMPANY = 'aa55';
const LENGTH = 17;

export const decoder = defineDecoder({
  name: 'oria',
  vendor: 'Oria',
  models: ['T201', 'T301'],
  source: 'https://github.com/Bluetooth-Devices/sensorpro-ble',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert) {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame.length < LENGTH) return { rejected: `Oria: expected at least ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    return {
      telemetry: {
        temperature: view.getInt16(10) / 100,
        humidity: view.getUint16(12) / 100,
        battery: view.getUint8(14),
        voltage: view.getUint16(8) / 100,
      },
      deviceModel: `Oria ${/^T[23]01/.exec(advert.name ?? '')?.[0] ?? 'T301'}`,
    };
  },
  examples: [
    {
      name: 'below zero',
      advert: { name: 'T301', manufacturer_data: { [COMPANY]: '0105a1b2c3d4e5f60107' + 'fe0c' + '1194' + '5a0001' } },
      gives: { temperature: -5, humidity: 45, battery: 90, voltage: 2.63 },
    },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '0105a1b2c3d4e5f6' } }, rejects: 'at least 17 bytes' },
  ],
});
