// Blue Maestro Tempo Disc: company 0x0133, the first byte says which values stand at bytes 6, 8 and 10.
import { type Decoded, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const COMPANY = '0133';
const LENGTH = 14;
const SHORT = 10;
const PEBBLE = 0x01;
const PEBBLE_LENGTH = 18;

/** Types 0x16 and 0x17 tell the dew point, 0x1b the pressure. */
const kinds: ReadonlyMap<number, { model: string; length: number; third?: 'dew_point' | 'pressure' }> = new Map([
  [0x0d, { model: 'Tempo Disc 1 in 1', length: SHORT }],
  [0x16, { model: 'Tempo Disc 3 in 1', length: LENGTH, third: 'dew_point' as const }],
  [0x17, { model: 'Tempo Disc 3 in 1', length: LENGTH, third: 'dew_point' as const }],
  [0x1b, { model: 'Tempo Disc 4 in 1', length: LENGTH, third: 'pressure' as const }],
]);

/** The older sensor: little-endian, the temperature between its lowest and highest, whole percent and hectopascals. */
function pebble(frame: Uint8Array): Decoded {
  if (frame.length < PEBBLE_LENGTH) return { rejected: `Pebble: expected ${PEBBLE_LENGTH} bytes, got ${frame.length}` };
  const view = viewOf(frame);
  return {
    telemetry: {
      temperature: view.getInt16(3, true) / 10,
      humidity: view.getUint8(7),
      pressure: view.getUint16(8, true),
    },
    deviceModel: 'Blue Maestro Pebble',
  };
}

export const decoder = defineDecoder({
  name: 'blue-maestro',
  vendor: 'Blue Maestro',
  models: [...new Set([...kinds.values()].map(({ model }) => model)), 'Pebble'],
  source: 'https://github.com/Bluetooth-Devices/bluemaestro-ble',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame[0] === PEBBLE) return pebble(frame);
    const kind = kinds.get(frame[0] ?? -1);
    if (kind === undefined)
      return { telemetry: {}, deviceModel: 'Blue Maestro', quality: { payload: 'this type is not known' } };
    // Scanners append the scan response, with the extremes.
    if (frame.length < kind.length)
      return { rejected: `${kind.model}: expected ${kind.length} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    const telemetry: Record<string, number> = { battery: view.getUint8(1), temperature: view.getInt16(6) / 10 };
    if (kind.third !== undefined) {
      telemetry['humidity'] = view.getUint16(8) / 10;
      telemetry[kind.third] = (kind.third === 'pressure' ? view.getUint16(10) : view.getInt16(10)) / 10;
    }
    const metadata = { interval: view.getUint16(2), logCount: view.getUint16(4) };
    return { telemetry, deviceModel: `Blue Maestro ${kind.model}`, metadata };
  },
  examples: [
    {
      name: 'temperature',
      advert: { manufacturer_data: { [COMPANY]: '0d5a0e10004100e60100' } },
      gives: { battery: 90, temperature: 23 },
    },
    {
      name: 'below zero, with dew point',
      advert: { manufacturer_data: { [COMPANY]: '16640e100041ffce01c2ff880100' + '' } },
      gives: { battery: 100, temperature: -5, humidity: 45, dew_point: -12 },
    },
    {
      name: 'with pressure',
      advert: { manufacturer_data: { [COMPANY]: '1b640e10004100e601c227100100' } },
      gives: { battery: 100, temperature: 23, humidity: 45, pressure: 1000 },
    },
    {
      name: 'with what the scan response adds',
      origin: 'Bluetooth-Devices/bluemaestro-ble tests/test_parser.py (MIT)',
      advert: {
        manufacturer_data: {
          [COMPANY]: '17640e10000200f201f200830100' + '010d02ab00f201f2010d02ab00f201f200ff024e0000000000',
        },
      },
      gives: { battery: 100, temperature: 24.2, humidity: 49.8, dew_point: 13.1 },
    },
    {
      name: 'Pebble, below zero',
      advert: {
        manufacturer_data: { [COMPANY]: '01' + 'c400' + 'ceff' + 'd200' + '2e' + 'c903' + '0000000000000000' },
      },
      gives: { temperature: -5, humidity: 46, pressure: 969 },
    },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '0d5a0e10004100e601' } }, rejects: 'expected 10 bytes' },
  ],
});
