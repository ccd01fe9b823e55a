// SensorPush thermometers: all values packed into one number behind a byte that tells the model, in the place of the company id.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { APPLE } from './apple/ibeacon.ts';
import { rounded } from './shared/numbers.ts';

const SERVICE = 'ef090000-11d6-42ba-93b8-9dd7ec090ab0';
const FIRST_SERVICE = 'ef090000-11d6-42ba-93b8-9dd7ec090aa9';
const NAME = /^(?:SensorPush )?(?:HTP\.xw|HT\.w|TC(?:\.x)?)(?: [0-9A-F]{4})?$/;
// The first model has a name of one letter.
const FIRST_NAME = 's';
const FIRST_TYPE = 1;

/** One value of the packed number: it counts steps above the lowest. */
type Part = { metric: string; low: number; high: number; step: number; over?: number };
const temperature = (low: number, high: number, step: number): Part => ({ metric: 'temperature', low, high, step });
const humidity: Part = { metric: 'humidity', low: 0, high: 100, step: 0.0025 };
const pressure: Part = { metric: 'pressure', low: 30_000, high: 125_000, step: 1, over: 100 };

/** By the upper six bits of the first byte; lengths of the packed number, lowest byte first. */
const models: ReadonlyMap<number, { name: string; lengths: readonly number[]; parts: readonly Part[] }> = new Map([
  [0, { name: 'HTP.xw', lengths: [6], parts: [temperature(-40, 140, 0.0025), humidity, pressure] }],
  [1, { name: 'HT.w', lengths: [4], parts: [temperature(-40, 125, 0.0025), humidity] }],
  [2, { name: 'TC.x', lengths: [3, 4], parts: [temperature(-200, 1800, 0.0625)] }],
]);

const isFirst = (advert: Advert): boolean => advert.name === FIRST_NAME && advert.serviceUuids.includes(FIRST_SERVICE);
const isOne = (advert: Advert): boolean =>
  advert.manufacturerData.size > 0 &&
  (isFirst(advert) || advert.serviceUuids.includes(SERVICE) || NAME.test(advert.name ?? ''));

/** The newest frame, which scanners append; of the later models the one whose page (two bits) is that of the values. */
function frameOf(advert: Advert): Uint8Array | undefined {
  let latest: Uint8Array | undefined;
  for (const [company, bytes] of advert.manufacturerData) {
    // The first model sends an iBeacon as well.
    if (company === APPLE) continue;
    const id = Number.parseInt(company, 16);
    if (isFirst(advert) || (id & 0x03) === 0) latest = Uint8Array.of(id & 0xff, id >> 8, ...bytes);
  }
  return latest;
}

function packed(frame: Uint8Array): Decoded {
  const model = models.get(frame[0]! >> 2);
  if (model === undefined) return { rejected: `SensorPush: model ${frame[0]! >> 2} is not known` };
  const { name, lengths, parts } = model;
  if (!lengths.includes(frame.length - 1))
    return { rejected: `SensorPush ${name}: expected ${lengths[0]! - 1} bytes, got ${frame.length - 2}` };
  let rest = frame.subarray(1).reduceRight((sum, byte) => sum * 256 + byte, 0);
  const telemetry: Record<string, number> = {};
  for (const { metric, low, high, step, over = 1 } of parts) {
    const count = Math.trunc((high - low) / step + step / 2) + 1;
    telemetry[metric] = rounded((rest % count) * step + low, 2) / over;
    rest = Math.floor(rest / count);
  }
  return { telemetry, deviceModel: `SensorPush ${name}` };
}

/** 12 bits of humidity, then 14 of temperature, as a Si7021 counts them. */
function first(frame: Uint8Array): Decoded {
  const [one, two, three, four] = frame;
  if (one === undefined || two === undefined || three === undefined || four === undefined)
    return { rejected: `SensorPush HT1: expected at least 2 bytes, got ${frame.length - 2}` };
  if ((four & 0x7c) >> 2 !== FIRST_TYPE) return { rejected: 'SensorPush HT1: the frame is of another model' };
  const wet = one | ((two & 0x0f) << 8);
  const warm = (two >> 4) | (three << 4) | ((four & 0x03) << 12);
  return {
    telemetry: {
      temperature: rounded((175.72 * warm) / 16_384 - 46.85, 2),
      humidity: Math.min(100, Math.max(0, rounded((125 * wet) / 4096 - 6, 2))),
    },
    deviceModel: 'SensorPush HT1',
  };
}

const origin = 'Bluetooth-Devices/sensorpush-ble tests/test_parser.py (MIT)';

export const decoder = defineDecoder({
  name: 'sensorpush',
  vendor: 'SensorPush',
  models: ['HT1', ...[...models.values()].map(({ name }) => name)],
  source: 'https://github.com/Bluetooth-Devices/sensorpush-ble',
  matches: isOne,
  decode(advert) {
    const frame = frameOf(advert);
    if (frame === undefined) return { telemetry: {}, deviceModel: 'SensorPush', quality: { payload: 'no values yet' } };
    return isFirst(advert) ? first(frame) : packed(frame);
  },
  examples: [
    {
      name: 'HT.w',
      origin: 'custom-components/ble_monitor test_sensorpush_parser.py (MIT)',
      advert: { name: 'SensorPush HT.w 0CA1', manufacturer_data: { e904: '187d39' } },
      gives: { temperature: 27.69, humidity: 36.53 },
    },
    {
      name: 'HTP.xw',
      origin: 'custom-components/ble_monitor test_sensorpush_parser.py (MIT)',
      advert: { service_uuids: [SERVICE], manufacturer_data: { '8900': 'e456bea6b4' } },
      gives: { temperature: 22.66, humidity: 46.07, pressure: 989.65 },
    },
    {
      name: 'TC.x, below zero',
      advert: { name: 'TC.x', manufacturer_data: { '3008': '0c00' } },
      gives: { temperature: -5 },
    },
    {
      name: 'TC.x, hot',
      origin,
      advert: { service_uuids: [SERVICE], manufacturer_data: { f908: '0d0300' } },
      gives: { temperature: 311.19 },
    },
    {
      name: 'HT1',
      origin,
      advert: { name: 's', service_uuids: [FIRST_SERVICE], manufacturer_data: { '4834': '6205', [APPLE]: '0215' } },
      gives: { temperature: 13.94, humidity: 58.09 },
    },
    {
      name: 'another page',
      advert: { name: 'SensorPush HT.w 0CA1', manufacturer_data: { e905: '187d39' } },
      gives: {},
    },
    {
      name: 'cut',
      advert: { name: 'SensorPush HT.w 0CA1', manufacturer_data: { e904: '187d' } },
      rejects: 'HT.w: expected 3 bytes, got 2',
    },
  ],
});
