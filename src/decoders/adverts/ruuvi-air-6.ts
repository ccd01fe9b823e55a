// Ruuvi Air data format 6: air quality in an advert of the legacy length.
import { defineDecoder } from '../define.ts';
import { fieldsOf, pressure, RANGES, RUUVI, ruuviFrame } from './ruuvi/fields.ts';

const LENGTH = 20;
// Codes 0 to 254 spread logarithmically over 0 to 65535 lx.
const LUX_STEP = Math.log(65_536) / 254;

export const decoder = defineDecoder({
  name: 'ruuvi-air-6',
  vendor: 'Ruuvi',
  models: ['Ruuvi Air'],
  source: 'https://docs.ruuvi.com/communication/bluetooth-advertisements/data-format-6',
  keys: [RUUVI],
  ranges: RANGES,
  matches: advert => ruuviFrame(advert, 6) !== undefined,
  decode(advert) {
    const frame = ruuviFrame(advert, 6) ?? new Uint8Array();
    if (frame.length < LENGTH) return { rejected: `Ruuvi format 6: expected ${LENGTH} bytes, got ${frame.length}` };
    const { unsigned, signed, put, decoded } = fieldsOf(frame);
    const flags = unsigned(16, 1);
    put('temperature', signed(1), -0x8000, raw => raw / 200);
    put('humidity', unsigned(3, 2), 0xffff, raw => raw / 400);
    put('pressure', unsigned(5, 2), 0xffff, pressure);
    put('pm2_5', unsigned(7, 2), 0xffff, raw => raw / 10);
    put('co2', unsigned(9, 2), 0xffff, raw => raw);
    // Nine bits: the lowest stands in the flags.
    put('voc_index', (unsigned(11, 1) << 1) | ((flags >> 6) & 1), 0x1ff, raw => raw);
    put('nox_index', (unsigned(12, 1) << 1) | ((flags >> 7) & 1), 0x1ff, raw => raw);
    put('illuminance', unsigned(13, 1), 0xff, raw => Math.round(Math.exp(raw * LUX_STEP) - 1));
    return decoded('Ruuvi Air', { sequence: unsigned(15, 1), calibrating: (flags & 1) === 1 });
  },
  examples: [
    {
      name: 'breath on the sensor',
      origin: 'Bluetooth-Devices/ruuvitag-ble tests/test_v6.py (MIT)',
      advert: { manufacturer_data: { '0499': '0614da863cc90300090df9a600a057f690ff00ff' } },
      gives: {
        temperature: 26.69,
        humidity: 85.91,
        pressure: 1014.59,
        pm2_5: 0.9,
        co2: 3577,
        voc_index: 332,
        nox_index: 1,
        illuminance: 1080,
      },
    },
    {
      name: 'nothing available',
      advert: { manufacturer_data: { '0499': '068000ffffffffffffffffffffffffffc04c884f' } },
      gives: {},
    },
    {
      name: 'one byte short',
      advert: { manufacturer_data: { '0499': '0614da863cc90300090df9a600a057f690ff00' } },
      rejects: 'expected 20 bytes',
    },
  ],
});
