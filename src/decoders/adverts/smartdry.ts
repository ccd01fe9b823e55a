// SmartDry laundry sensor: company 0x01AE, climate in the drum, shaking, battery.
import { defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const COMPANY = '01ae';
const LENGTH = 12;
// The battery byte counts millivolts above this.
const EMPTY = 2847;

export const decoder = defineDecoder({
  name: 'smartdry',
  vendor: 'SmartDry',
  models: ['Laundry Sensor'],
  source: 'https://decoder.theengs.io/devices/SDLS.html',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert) {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame.length !== LENGTH) return { rejected: `SmartDry: expected ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    return {
      telemetry: {
        temperature: rounded(view.getFloat32(0, true), 8),
        humidity: rounded(view.getFloat32(4, true), 8),
        shake: view.getUint16(8, true),
        voltage: (view.getUint8(10) + EMPTY) / 1000,
        moving: (view.getUint8(11) & 1) !== 0,
      },
      deviceModel: 'SmartDry Laundry Sensor',
    };
  },
  examples: [
    {
      name: 'cold and still',
      advert: { manufacturer_data: { [COMPANY]: '0000a0c000004842050064' + '00' } },
      gives: { temperature: -5, humidity: 50, shake: 5, voltage: 2.947, moving: false },
    },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '0000a0c0' } }, rejects: 'expected 12 bytes, got 4' },
  ],
});
