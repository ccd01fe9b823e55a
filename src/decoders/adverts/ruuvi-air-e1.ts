// Ruuvi Air data format E1: air quality in an extended advert, with all particle sizes.
import { defineDecoder } from '../define.ts';
import { fieldsOf, pressure, RANGES, RUUVI, ruuviFrame } from './ruuvi/fields.ts';

const LENGTH = 40;
const NOT = 0xffff;

export const decoder = defineDecoder({
  name: 'ruuvi-air-e1',
  vendor: 'Ruuvi',
  models: ['Ruuvi Air (extended)'],
  source: 'https://docs.ruuvi.com/communication/bluetooth-advertisements/data-format-e1',
  keys: [RUUVI],
  ranges: RANGES,
  matches: advert => ruuviFrame(advert, 0xe1) !== undefined,
  decode(advert) {
    const frame = ruuviFrame(advert, 0xe1) ?? new Uint8Array();
    if (frame.length < LENGTH) return { rejected: `Ruuvi format E1: expected ${LENGTH} bytes, got ${frame.length}` };
    const { unsigned, signed, put, decoded } = fieldsOf(frame);
    const flags = unsigned(28, 1);
    put('temperature', signed(1), -0x8000, raw => raw / 200);
    put('humidity', unsigned(3, 2), NOT, raw => raw / 400);
    put('pressure', unsigned(5, 2), NOT, pressure);
    put('pm1', unsigned(7, 2), NOT, raw => raw / 10);
    put('pm2_5', unsigned(9, 2), NOT, raw => raw / 10);
    put('pm4', unsigned(11, 2), NOT, raw => raw / 10);
    put('pm10', unsigned(13, 2), NOT, raw => raw / 10);
    put('co2', unsigned(15, 2), NOT, raw => raw);
    put('voc_index', (unsigned(17, 1) << 1) | ((flags >> 6) & 1), 0x1ff, raw => raw);
    put('nox_index', (unsigned(18, 1) << 1) | ((flags >> 7) & 1), 0x1ff, raw => raw);
    put('illuminance', unsigned(19, 3), 0xffffff, raw => raw / 100);
    const sequence = unsigned(25, 3);
    return decoded('Ruuvi Air', { ...(sequence === 0xffffff ? {} : { sequence }), calibrating: (flags & 1) === 1 });
  },
  examples: [
    {
      name: 'valid data',
      origin: 'docs.ruuvi.com, data format E1',
      advert: {
        manufacturer_data: {
          '0499': 'e1170c5668c79e0065007004bd11ca00c90a0213e0ac000000decdee110000000000cbb8334c884f',
        },
      },
      gives: {
        temperature: 29.5,
        humidity: 55.3,
        pressure: 1011.02,
        pm1: 10.1,
        pm2_5: 11.2,
        pm4: 121.3,
        pm10: 455.4,
        co2: 201,
        voc_index: 20,
        nox_index: 4,
        illuminance: 13027,
      },
    },
    {
      name: 'nothing available',
      origin: 'docs.ruuvi.com, data format E1',
      advert: { manufacturer_data: { '0499': 'e18000' + 'ff'.repeat(37) } },
      gives: {},
    },
    {
      name: 'one byte short',
      advert: { manufacturer_data: { '0499': 'e18000' + 'ff'.repeat(36) } },
      rejects: 'expected 40 bytes',
    },
  ],
});
