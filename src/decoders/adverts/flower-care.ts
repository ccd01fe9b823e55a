// Pink HHCC plant sensor (HHCCJCY10): service data 0xFD50, 9 bytes big-endian, not MiBeacon.
import { defineDecoder } from '../define.ts';
import { uint24, viewOf } from './shared/numbers.ts';

const UUID = 'fd50';
const LENGTH = 9;

export const decoder = defineDecoder({
  name: 'flower-care',
  vendor: 'HHCC Plant Technology',
  models: ['HHCCJCY10'],
  source: 'https://github.com/Bluetooth-Devices/xiaomi-ble',
  keys: [UUID],
  matches: advert => advert.serviceData.has(UUID),
  decode(advert) {
    const frame = advert.serviceData.get(UUID) ?? new Uint8Array();
    if (frame.length !== LENGTH) return { rejected: `HHCCJCY10: expected ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    return {
      telemetry: {
        moisture: view.getUint8(0),
        temperature: view.getInt16(1) / 10,
        illuminance: uint24(view, 3),
        battery: view.getUint8(6),
        conductivity: view.getUint16(7),
      },
      deviceModel: 'HHCCJCY10',
    };
  },
  examples: [
    {
      name: 'dry and dark',
      advert: { service_data: { [UUID]: '0e006e00018d640036' } },
      gives: { moisture: 14, temperature: 11, illuminance: 397, battery: 100, conductivity: 54 },
    },
    {
      name: 'below zero',
      advert: { service_data: { [UUID]: '00ffd800000032' + '0000' } },
      gives: { moisture: 0, temperature: -4, illuminance: 0, battery: 50, conductivity: 0 },
    },
    { name: 'cut', advert: { service_data: { [UUID]: '0e006e00018d6400' } }, rejects: 'expected 9 bytes, got 8' },
  ],
});
