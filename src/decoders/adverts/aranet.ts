// Aranet4, Aranet2, Aranet Radiation and Aranet Radon with smart home integration switched on: company 0x0702.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, type DecodedAdvert, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const COMPANY = '0702';
// Of the flags: the integration is switched on; without it only the firmware is told.
const INTEGRATED = 0x20;
const LENGTH_4 = 22;
const LENGTH_OTHERS = 24;

type Part = {
  metric: string;
  at: number;
  over: number;
  /** Bits that say that the sensor is being calibrated, is at fault or has not measured yet. */
  none?: number;
  /** Codes from this one on say the same. */
  limit?: number;
  bytes?: 4;
  /** The model of this family without the sensor sends 0. */
  zeroIsNone?: true;
};
type Model = { name: string; length: number; parts: readonly Part[]; battery: number; interval: number };

/** No flags byte of an Aranet4 is below 4 while it is integrated; the others begin with their type. */
const aranet4: Model = {
  name: 'Aranet4',
  length: LENGTH_4,
  parts: [
    { metric: 'co2', at: 8, over: 1, none: 0x8000 },
    { metric: 'temperature', at: 10, over: 20, none: 0xc000 },
    { metric: 'pressure', at: 12, over: 10, none: 0x8000 },
  ],
  battery: 15,
  interval: 17,
};
const others: ReadonlyMap<number, Model> = new Map<number, Model>([
  [
    1,
    {
      name: 'Aranet2',
      length: LENGTH_OTHERS,
      parts: [
        { metric: 'temperature', at: 10, over: 20, none: 0x4000 },
        { metric: 'humidity', at: 14, over: 10, none: 0x8000 },
      ],
      battery: 17,
      interval: 19,
    },
  ],
  [
    2,
    {
      name: 'Aranet Radiation',
      length: LENGTH_OTHERS,
      // Sent in nSv, s and nSv/h; given in mSv, s and µSv/h as the display shows them.
      parts: [
        { metric: 'radiation_total', at: 6, over: 1_000_000, bytes: 4 },
        { metric: 'radiation_duration', at: 10, over: 1, bytes: 4 },
        { metric: 'radiation_rate', at: 14, over: 1000 },
      ],
      battery: 17,
      interval: 19,
    },
  ],
  [
    3,
    {
      name: 'Aranet Radon',
      length: LENGTH_OTHERS,
      // Bq/m³; from 0x1f00 on: an error, no data yet, too humid in the chamber.
      parts: [
        { metric: 'radon', at: 8, over: 1, limit: 0x1f00 },
        { metric: 'temperature', at: 10, over: 20, none: 0x4000, zeroIsNone: true },
        { metric: 'pressure', at: 12, over: 10, none: 0x8000 },
        { metric: 'humidity', at: 14, over: 10, none: 0x8000, zeroIsNone: true },
      ],
      battery: 17,
      interval: 19,
    },
  ],
]);

/** The flags follow the type, which the Aranet4 alone does not send. */
function modelOf({ name }: Advert, frame: Uint8Array): { model: Model | undefined; flags: number } {
  const is4 = name?.startsWith('Aranet4') ?? (frame.length === LENGTH_4 || frame.length === 7);
  if (is4 || frame[0]! >= 4) return { model: aranet4, flags: frame[0]! };
  return { model: others.get(frame[0]!), flags: frame[1] ?? 0 };
}

function read(view: DataView, { name, parts, battery, interval }: Model): DecodedAdvert {
  const telemetry: Record<string, number> = {};
  const quality: Record<string, string> = {};
  for (const { metric, at, over, none = 0, limit = Number.POSITIVE_INFINITY, bytes, zeroIsNone } of parts) {
    const raw = bytes === 4 ? view.getUint32(at, true) : view.getUint16(at, true);
    if ((bytes !== 4 && (raw & none) !== 0) || raw >= limit) quality[metric] = 'not available';
    else if (raw !== 0 || zeroIsNone === undefined) telemetry[metric] = rounded(raw / over);
  }
  if (name === 'Aranet4') telemetry['humidity'] = view.getUint8(14);
  telemetry['battery'] = view.getUint8(battery) & 0x7f;
  const metadata = { interval: view.getUint16(interval, true), age: view.getUint16(interval + 2, true) };
  return { telemetry, quality, deviceModel: name, metadata };
}

const origin = 'Anrijs/Aranet4-Python tests/test_advertisements.py (MIT)';

export const decoder = defineDecoder({
  name: 'aranet',
  vendor: 'SAF Tehnika',
  models: ['Aranet4', 'Aranet2', 'Aranet Radiation', 'Aranet Radon'],
  source: 'https://github.com/Anrijs/Aranet4-Python',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame.length < 5) return { rejected: `Aranet: expected at least 5 bytes, got ${frame.length}` };
    const { model, flags } = modelOf(advert, frame);
    if (model === undefined) return { rejected: `Aranet: type ${frame[0]} is not known` };
    if ((flags & INTEGRATED) === 0 || frame.length < 9)
      return { telemetry: {}, deviceModel: model.name, quality: { payload: 'smart home integration is switched off' } };
    if (frame.length < model.length)
      return { rejected: `${model.name}: expected ${model.length} bytes, got ${frame.length}` };
    return read(viewOf(frame), model);
  },
  examples: [
    {
      name: 'stuffy',
      advert: {
        manufacturer_data: { [COMPANY]: '2113040100' + '0e0f01' + 'dc05' + '9e01' + '2e27' + '2d5f' + '032c011e00b9' },
      },
      gives: { co2: 1500, temperature: 20.7, pressure: 1003, humidity: 45, battery: 95 },
    },
    {
      name: 'not measured yet',
      advert: {
        manufacturer_data: { [COMPANY]: '2113040100' + '0e0f01' + '0080' + '9e01' + '2e27' + '2d5f' + '032c011e00b9' },
      },
      gives: { temperature: 20.7, pressure: 1003, humidity: 45, battery: 95 },
    },
    {
      name: 'no temperature',
      advert: {
        manufacturer_data: { [COMPANY]: '2113040100' + '0e0f01' + 'dc05' + '0040' + '2e27' + '2d5f' + '032c011e00b9' },
      },
      gives: { co2: 1500, pressure: 1003, humidity: 45, battery: 95 },
    },
    { name: 'switched off', advert: { manufacturer_data: { [COMPANY]: '0113040100' } }, gives: {} },
    {
      name: 'Aranet2',
      origin,
      advert: { manufacturer_data: { [COMPANY]: '01210404010000000000990100000a02003b097800520064' } },
      gives: { temperature: 20.45, humidity: 52.2, battery: 59 },
    },
    {
      name: 'Aranet2, sensor at fault',
      advert: { manufacturer_data: { [COMPANY]: '01210404010000000000004000000080003b097800520064' } },
      gives: { battery: 59 },
    },
    {
      name: 'Aranet Radiation',
      origin,
      advert: { manufacturer_data: { [COMPANY]: '022126040100d03300006c60060082000063002c01580072' } },
      gives: { radiation_total: 0.013264, radiation_duration: 417900, radiation_rate: 0.13, battery: 99 },
    },
    {
      name: 'Aranet Radon Plus',
      origin,
      advert: { manufacturer_data: { [COMPANY]: '03210406010000000700fe01c927ce010064015802f60108' } },
      gives: { radon: 7, temperature: 25.5, pressure: 1018.5, humidity: 46.2, battery: 100 },
    },
    {
      name: 'Aranet Radon without climate, no data yet',
      advert: { manufacturer_data: { [COMPANY]: '0321040601000000011f0000c92700000064015802f60108' } },
      gives: { pressure: 1018.5, battery: 100 },
    },
    {
      name: 'Aranet2, switched off',
      origin,
      advert: { manufacturer_data: { [COMPANY]: '01010404010000000000990100000a02003b007800520064' } },
      gives: {},
    },
    {
      name: 'Aranet Radon, cut',
      advert: { manufacturer_data: { [COMPANY]: '03210406010000000700fe01c927ce010064015802' } },
      rejects: 'Aranet Radon: expected 24 bytes, got 21',
    },
    {
      name: 'cut',
      advert: { manufacturer_data: { [COMPANY]: '21130401000e0f01dc059e012e272d5f032c011e00' } },
      rejects: 'expected 22 bytes, got 21',
    },
  ],
});
