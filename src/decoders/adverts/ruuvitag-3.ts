// RuuviTag data format 3 (RAWv1): the format of older firmware.
import { defineDecoder } from '../define.ts';
import { acceleration, fieldsOf, pressure, RANGES, RUUVI, ruuviFrame } from './ruuvi/fields.ts';

const LENGTH = 14;
const NOT_SIGNED = -0x8000;

const allValues = {
  temperature: 12.31,
  humidity: 89,
  pressure: 1017.44,
  acceleration_x: 1.196411,
  acceleration_y: 0.372653,
  acceleration_z: 9.57129,
  voltage: 2.191,
};

export const decoder = defineDecoder({
  name: 'ruuvitag-3',
  vendor: 'Ruuvi',
  models: ['RuuviTag (format 3)'],
  source: 'https://github.com/ruuvi/ruuvi-sensor-protocols/blob/master/dataformat_03.md',
  keys: [RUUVI],
  ranges: RANGES,
  matches: advert => ruuviFrame(advert, 3) !== undefined,
  decode(advert) {
    const frame = ruuviFrame(advert, 3) ?? new Uint8Array();
    if (frame.length < LENGTH) return { rejected: `Ruuvi format 3: expected ${LENGTH} bytes, got ${frame.length}` };
    const { unsigned, signed, put, decoded } = fieldsOf(frame);
    // Sign and magnitude: bit 7 is the sign of the whole number, hundredths in a byte of their own.
    const whole = unsigned(2, 1);
    const hundredths = unsigned(3, 1);
    put(
      'temperature',
      hundredths > 99 ? -1 : whole,
      -1,
      raw => ((raw & 0x7f) + hundredths / 100) * (raw & 0x80 ? -1 : 1),
    );
    put('humidity', unsigned(1, 1), -1, raw => raw / 2);
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
      gives: allValues,
    },
    {
      name: 'maximum values',
      origin: 'ruuvi/ruuvi-sensor-protocols dataformat_03.md',
      advert: { manufacturer_data: { '0499': '03ff7f63ffff7fff7fff7fffffff' } },
      gives: {
        temperature: 127.99,
        humidity: 127.5,
        pressure: 1155.35,
        acceleration_x: 321.334501,
        acceleration_y: 321.334501,
        acceleration_z: 321.334501,
        voltage: 65.535,
      },
    },
    {
      name: 'minimum values',
      origin: 'ruuvi/ruuvi-sensor-protocols dataformat_03.md',
      advert: { manufacturer_data: { '0499': '0300ff6300008001800180010000' } },
      gives: {
        temperature: -127.99,
        humidity: 0,
        pressure: 500,
        acceleration_x: -321.334501,
        acceleration_y: -321.334501,
        acceleration_z: -321.334501,
        voltage: 0,
      },
    },
    {
      name: 'filled up with zeros, as some scanners hand it on',
      advert: { manufacturer_data: { '0499': '03b20c1fca20007a002603d0088f' + '00000000' } },
      gives: allValues,
    },
    {
      name: 'one byte short',
      advert: { manufacturer_data: { '0499': '03b20c1fca20007a002603d008' } },
      rejects: 'expected 14 bytes',
    },
  ],
});
