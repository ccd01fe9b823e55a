// RuuviTag data format 5 (RAWv2): what current RuuviTags send.
import { toHex } from '../../kernel/bytes.ts';
import type { Metadata } from '../../reading/reading.ts';
import { defineDecoder } from '../define.ts';
import { acceleration, fieldsOf, pressure, RANGES, RUUVI, ruuviFrame } from './ruuvi/fields.ts';

const LENGTH = 24;
const NOT_SIGNED = -0x8000;
const NOT_UNSIGNED = 0xffff;

export const decoder = defineDecoder({
  name: 'ruuvitag-5',
  vendor: 'Ruuvi',
  models: ['RuuviTag', 'RuuviTag Pro'],
  source: 'https://github.com/ruuvi/ruuvi-sensor-protocols/blob/master/dataformat_05.md',
  keys: [RUUVI],
  ranges: RANGES,
  matches: advert => ruuviFrame(advert, 5) !== undefined,
  decode(advert) {
    const frame = ruuviFrame(advert, 5) ?? new Uint8Array();
    if (frame.length < LENGTH) return { rejected: `Ruuvi format 5: expected ${LENGTH} bytes, got ${frame.length}` };
    const { unsigned, signed, put, decoded } = fieldsOf(frame);
    put('temperature', signed(1), NOT_SIGNED, raw => raw / 200);
    put('humidity', unsigned(3, 2), NOT_UNSIGNED, raw => raw / 400);
    put('pressure', unsigned(5, 2), NOT_UNSIGNED, pressure);
    put('acceleration_x', signed(7), NOT_SIGNED, acceleration);
    put('acceleration_y', signed(9), NOT_SIGNED, acceleration);
    put('acceleration_z', signed(11), NOT_SIGNED, acceleration);
    // 11 bits of mV above 1.6 V, then 5 bits of 2 dBm above -40 dBm.
    const power = unsigned(13, 2);
    put('voltage', power >> 5, 0x7ff, raw => (raw + 1600) / 1000);
    put('movement_counter', unsigned(15, 1), 0xff, raw => raw);
    const metadata: Metadata = {};
    if ((power & 0x1f) !== 0x1f) metadata['txPower'] = (power & 0x1f) * 2 - 40;
    if (unsigned(16, 2) !== NOT_UNSIGNED) metadata['sequence'] = unsigned(16, 2);
    const address = toHex(frame.subarray(18, 24));
    if (address !== 'ffffffffffff') metadata['ownAddress'] = address.toUpperCase().replace(/..(?=.)/g, '$&:');
    return decoded('RuuviTag', metadata);
  },
  examples: [
    {
      name: 'valid data',
      origin: 'Bluetooth-Devices/ruuvitag-ble tests/test_v5.py (MIT)',
      advert: { manufacturer_data: { '0499': '0505a060a0c89afd34028cff006376726976dead7b3fefaf' } },
      gives: {
        temperature: 7.2,
        humidity: 61.84,
        pressure: 1013.54,
        acceleration_x: -7.021561,
        acceleration_y: 6.393936,
        acceleration_z: -2.510502,
        voltage: 2.395,
        movement_counter: 114,
      },
    },
    {
      name: 'maximum values',
      origin: 'ruuvi/ruuvi-sensor-protocols dataformat_05.md',
      advert: { manufacturer_data: { '0499': '057ffffffefffe7fff7fff7fffffdefefffecbb8334c884f' } },
      gives: {
        temperature: 163.835,
        humidity: 163.835,
        pressure: 1155.34,
        acceleration_x: 321.334501,
        acceleration_y: 321.334501,
        acceleration_z: 321.334501,
        voltage: 3.646,
        movement_counter: 254,
      },
    },
    {
      name: 'minimum values',
      origin: 'ruuvi/ruuvi-sensor-protocols dataformat_05.md',
      advert: { manufacturer_data: { '0499': '058001000000008001800180010000000000cbb8334c884f' } },
      gives: {
        temperature: -163.835,
        humidity: 0,
        pressure: 500,
        acceleration_x: -321.334501,
        acceleration_y: -321.334501,
        acceleration_z: -321.334501,
        voltage: 1.6,
        movement_counter: 0,
      },
    },
    {
      name: 'nothing available',
      origin: 'ruuvi/ruuvi-sensor-protocols dataformat_05.md',
      advert: { manufacturer_data: { '0499': '058000ffffffff800080008000ffffffffffffffffffffff' } },
      gives: {},
    },
    {
      name: 'one byte short',
      advert: { manufacturer_data: { '0499': '058000ffffffff800080008000ffffffffffffffffffff' } },
      rejects: 'expected 24 bytes',
    },
  ],
});
