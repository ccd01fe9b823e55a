// RuuviTag data format 3 (RAWv1): the format of older firmware.
import { defineDecoder } from '../define.ts';
import { acceleration, fieldsOf, pressure, RUUVI, ruuviFrame } from './ruuvi/fields.ts';

const LENGTH = 14;
const NOT_SIGNED = -0x8000;

export const decoder = defineDecoder({
  name: 'ruuvitag-3',
  vendor: 'Ruuvi',
  models: ['RuuviTag (format 3)'],
  source: 'https://github.com/ruuvi/ruuvi-sensor-protocols/blob/master/dataformat_03.md',
  keys: [RUUVI],
  matches: advert => ruuviFrame(advert, 3) !== undefined,
  decode(advert) {
    const frame = ruuviFrame(advert, 3) ?? new Uint8Array();
    if (frame.length !== LENGTH) return { rejected: `Ruuvi format 3: expected ${LENGTH} bytes, got ${frame.length}` };
    const { unsigned, signed, put, decoded } = fieldsOf(frame);
    const humidity = unsigned(1, 1);
    // Sign and magnitude: bit 7 is the sign of the whole number, hundredths in a byte of their own.
    const whole = unsigned(2, 1);
    const hundredths = unsigned(3, 1);
    put(
      'temperature',
      hundredths > 99 ? -1 : whole,
      -1,
      raw => ((raw & 0x7f) + hundredths / 100) * (raw & 0x80 ? -1 : 1),
    );
    put('humidity', humidity > 200 ? -1 : humidity, -1, raw => raw / 2);
    put('pressure', unsigned(4, 2), -1, pressure);
    put('acceleration_x', signed(6), NOT_SIGNED, acceleration);
    put('acceleration_y', signed(8), NOT_SIGNED, acceleration);
    put('acceleration_z', signed(10), NOT_SIGNED, acceleration);
    put('voltage', unsigned(12, 2), -1, raw => raw / 1000);
    return decoded('RuuviTag', {});
  },
  examples: [
    {
      name: 'all values',
      origin: 'Bluetooth-Devices/ruuvitag-ble tests/test_v3.py (MIT)',
      advert: { manufacturer_data: { '0499': '03b20c1fca20007a002603d0088f' } },
      gives: {
        temperature: 12.31,
        humidity: 89,
        pressure: 1017.44,
        acceleration_x: 1.196411,
        acceleration_y: 0.372653,
        acceleration_z: 9.57129,
        voltage: 2.191,
      },
    },
    {
      name: 'below zero, humidity at fault',
      advert: { manufacturer_data: { '0499': '03ff8145ca20000000000000088f' } },
      gives: {
        temperature: -1.69,
        pressure: 1017.44,
        acceleration_x: 0,
        acceleration_y: 0,
        acceleration_z: 0,
        voltage: 2.191,
      },
    },
    {
      name: 'one byte short',
      advert: { manufacturer_data: { '0499': '03b20c1fca20007a002603d008' } },
      rejects: 'expected 14 bytes',
    },
  ],
});
