// Govee thermometers, hygrometers and air quality monitors.
import type { DecodedAdvert } from '../define.ts';
import { defineDecoder } from '../define.ts';
import { goveeFrame, type Layout, modelOf } from './govee/frame.ts';
import { rounded, uint24, viewOf } from './shared/numbers.ts';

type Decode = (view: DataView) => DecodedAdvert;

const NOT_MEASURED = 'sensor reports an error';
const NOTHING: DecodedAdvert = { telemetry: {}, quality: { temperature: NOT_MEASURED, humidity: NOT_MEASURED } };
const isMeasured = (temperature: number): boolean => temperature >= -40 && temperature <= 100;

/** Sign bit, then temperature · 10,000 + humidity · 10 in 23 bits; the last digit of the temperature is cut, not rounded. */
function packed(view: DataView, at: number, atFault: boolean): { temperature: number; humidity: number } | undefined {
  const raw = uint24(view, at);
  const size = raw & 0x7fffff;
  const temperature = (Math.floor(size / 1000) / 10) * (raw & 0x800000 ? -1 : 1) + 0;
  if (atFault || !isMeasured(temperature)) return undefined;
  return { temperature, humidity: (size % 1000) / 10 };
}

/** Three packed bytes, then the battery with the error flag in its highest bit. */
function climate(at: number): Decode {
  return view => {
    const status = view.getUint8(at + 3);
    const battery = status & 0x7f;
    const values = packed(view, at, (status & 0x80) !== 0);
    if (values !== undefined) return { telemetry: { ...values, battery } };
    return { telemetry: { battery }, quality: { temperature: NOT_MEASURED, humidity: NOT_MEASURED } };
  };
}

/** Little-endian hundredths of a degree and of a percent, battery. */
function plain(at: number): Decode {
  return view => {
    const temperature = view.getInt16(at, true) / 100;
    const humidity = view.getUint16(at + 2, true) / 100;
    if (!isMeasured(temperature) || humidity > 100) return NOTHING;
    return { telemetry: { temperature, humidity, battery: view.getUint8(at + 4) } };
  };
}

function carbonDioxide(view: DataView): DecodedAdvert {
  const values = packed(view, 2, view.getUint8(7) !== 0);
  if (values !== undefined) return { telemetry: { ...values, co2: view.getUint16(5) } };
  return { telemetry: {}, quality: { temperature: NOT_MEASURED, humidity: NOT_MEASURED, co2: NOT_MEASURED } };
}

/** One frame for each of two probes; only the first measures humidity. */
function twoProbes(view: DataView): DecodedAdvert {
  const probe = new Map([
    [0x41, 1],
    [0x82, 2],
  ]).get(view.getUint8(7));
  if (probe === undefined) return { telemetry: {}, quality: { payload: 'unknown probe' } };
  const status = view.getUint8(5);
  const values = packed(view, 2, (status & 0x80) !== 0);
  const battery = status & 0x7f;
  const temperature = `temperature_probe_${probe}`;
  if (values === undefined) return { telemetry: { battery }, quality: { [temperature]: NOT_MEASURED } };
  return {
    telemetry: {
      [temperature]: values.temperature,
      ...(probe === 1 ? { humidity_probe_1: values.humidity } : {}),
      battery,
    },
  };
}

/** Sign bit, then temperature, humidity and particles in groups of three decimal digits. */
function particles(view: DataView): DecodedAdvert {
  const size = view.getUint32(2) & 0x7fffffff;
  const sign = view.getUint8(2) & 0x80 ? -1 : 1;
  return {
    telemetry: {
      temperature: (Math.floor(size / 1_000_000) / 10) * sign + 0,
      humidity: rounded(Math.floor((size % 1_000_000) / 1000) / 10),
      pm2_5: size % 1000,
    },
  };
}

/** A base and its remote sensor speak from one address; byte 2 says which of them. */
function withRemote(view: DataView): DecodedAdvert {
  return { ...climate(3)(view), metadata: { sensor: view.getUint8(2) === 1 ? 'remote' : 'primary' } };
}

const layouts: readonly Layout<Decode>[] = [
  { model: '5106', length: 6, name: /H5106/, decode: particles },
  { model: '5075', length: 6, name: /H50(?:72|75)|H5129/, companies: ['ec88'], decode: climate(1) },
  { model: '5101', length: 6, name: /H510[0-58]|H5110|H517[47]|GV510[0-58]|GV5110|GV517[479]/, decode: climate(2) },
  { model: '5074', length: 7, name: /H5074/, companies: ['ec88'], decode: plain(1) },
  { model: '5112', length: 8, name: /(?:H|GV)5112/, decode: twoProbes },
  { model: '5140', length: 8, name: /(?:H|GV)5140/, decode: carbonDioxide },
  {
    model: '5108',
    length: 8,
    name: /H510[0-58]|H5110|H517[47]|GV510[0-58]|GV5110|GV517[479]/,
    companies: ['0001'],
    begins: [1, 1],
    decode: climate(2),
  },
  { model: '5051', length: 9, name: /H50(?:51|52|71)/, companies: ['ec88'], decode: plain(1) },
  { model: '5178', length: 9, name: /[HB]5178/, decode: withRemote },
  { model: '5178', length: 9, companies: ['0001'], begins: [1, 1, 0], decode: withRemote },
  { model: '5178', length: 9, companies: ['0001'], begins: [1, 1, 1], decode: withRemote },
  { model: '5179', length: 9, name: /H5179/, companies: ['8801'], decode: plain(4) },
];

const origin = 'Bluetooth-Devices/govee-ble tests/test_parser.py (MIT)';

export const decoder = defineDecoder({
  name: 'govee-climate',
  vendor: 'Govee',
  models: [
    ...['H5051', 'H5052', 'H5071', 'H5072', 'H5074', 'H5075', 'H5100', 'H5101', 'H5102', 'H5103', 'H5104', 'H5105'],
    ...['H5106', 'H5108', 'H5110', 'H5112', 'H5129', 'H5140', 'H5174', 'H5177', 'H5178', 'H5179'],
  ],
  source: 'https://github.com/Bluetooth-Devices/govee-ble',
  matches: advert => goveeFrame(advert, layouts) !== undefined,
  decode(advert) {
    const found = goveeFrame(advert, layouts);
    if (found === undefined) return { rejected: 'Govee: no layout for this length' };
    const { layout, frame } = found;
    return { ...layout.decode(viewOf(frame)), deviceModel: modelOf(advert.name, layout.model) };
  },
  examples: [
    {
      name: 'H5075',
      origin,
      advert: { name: 'GVH5075_DBF8', manufacturer_data: { ec88: '00034db26400' } },
      gives: { temperature: 21.6, humidity: 49.8, battery: 100 },
    },
    {
      name: 'H5075, sensor at fault',
      origin,
      advert: { name: 'GVH5075_2762', manufacturer_data: { ec88: '004a00283b00' } },
      gives: { battery: 59 },
    },
    {
      name: 'H5174, below zero',
      advert: { name: 'GVH5174_1234', manufacturer_data: { '0001': '010180c74b5f' } },
      gives: { temperature: -5.1, humidity: 1.9, battery: 95 },
    },
    {
      name: 'H5105 with the iBeacon glued on',
      origin,
      advert: {
        name: 'GVH5105_7336',
        manufacturer_data: { '0001': '0101033aed644c000215494e54454c4c495f524f434b535f48575075f2ff0c' },
      },
      gives: { temperature: 21.1, humidity: 69.3, battery: 100 },
    },
    {
      name: 'H5071',
      origin,
      advert: { name: 'Govee_H5071_FD12', manufacturer_data: { ec88: '00210ab61218c80001' } },
      gives: { temperature: 25.93, humidity: 47.9, battery: 24 },
    },
    {
      name: 'H5140',
      origin,
      advert: { name: 'GV5140303A', manufacturer_data: { '0001': '0101031abc025800' } },
      gives: { temperature: 20.3, humidity: 45.2, co2: 600 },
    },
    {
      name: 'H5112, first probe',
      origin,
      advert: { name: 'GV5112AC3D', manufacturer_data: { '0001': '0101033d70640041' } },
      gives: { temperature_probe_1: 21.2, humidity_probe_1: 33.6, battery: 100 },
    },
    {
      name: 'H5112, second probe at fault',
      origin,
      advert: { name: 'GV5112AC3D', manufacturer_data: { '0001': '0101034928e40082' } },
      gives: { battery: 100 },
    },
    {
      name: 'H5108 without a name',
      origin,
      advert: { manufacturer_data: { '0001': '010103c730640000' } },
      gives: { temperature: 24.7, humidity: 60, battery: 100 },
    },
    {
      name: 'H5106, below zero',
      advert: { name: 'GVH5106_1234', manufacturer_data: { '0001': '010181ee1628' } },
      gives: { temperature: -3.2, humidity: 38, pm2_5: 456 },
    },
    {
      name: 'H5178, remote sensor',
      advert: { name: 'B5178_0001', manufacturer_data: { '0001': '01010103f0d2640000' } },
      gives: { temperature: 25.8, humidity: 25.8, battery: 100 },
    },
    {
      name: 'H5179, below zero',
      advert: { name: 'Govee_H5179_0001', manufacturer_data: { '8801': 'ec0001010cfe94115a' } },
      gives: { temperature: -5, humidity: 45, battery: 90 },
    },
  ],
});
