// Govee meat and grill thermometers: temperatures and alarms of up to six probes.
import { defineDecoder } from '../define.ts';
import { goveeFrame, type Layout, modelOf } from './govee/frame.ts';
import { viewOf } from './shared/numbers.ts';

type Values = Record<string, number>;
type Decode = (view: DataView) => Values;

const UNPLUGGED = -1;

/** A probe that is not plugged in says nothing; an alarm that is not set is 0. */
function probe(view: DataView, number: number, at: number, high: number, low?: number): Values {
  const values: Values = {};
  const temperature = view.getInt16(at);
  if (temperature !== UNPLUGGED) values[`temperature_probe_${number}`] = temperature / 100;
  values[`temperature_alarm_probe_${number}`] = Math.max(0, view.getInt16(high)) / 100;
  if (low !== undefined) values[`low_temperature_alarm_probe_${number}`] = Math.max(0, view.getInt16(low)) / 100;
  return values;
}

const single: Decode = view => probe(view, 1, 8, 10);
const pair: Decode = view => ({ ...probe(view, 1, 8, 10), ...probe(view, 2, 13, 15) });

/** The lower bits of byte 6: the first or the second pair of four probes. */
function firstOfPair(view: DataView): 1 | 3 | undefined {
  const which = view.getUint8(6) & 0x3f;
  return which === 1 ? 1 : which === 2 ? 3 : undefined;
}

const fourProbes: Decode = view => {
  const first = firstOfPair(view);
  return first === undefined ? {} : { ...probe(view, first, 8, 10), ...probe(view, first + 1, 13, 15) };
};

const fourProbesWithLow: Decode = view => {
  const first = firstOfPair(view);
  return first === undefined ? {} : { ...probe(view, first, 8, 10, 12), ...probe(view, first + 1, 14, 16, 18) };
};

/** Whole degrees, little-endian: twice temperature, low and high alarm; byte 3 says which pair and what is plugged in. */
const sixProbes: Decode = view => {
  const flags = view.getUint8(3);
  const first = new Map([
    [0x00, 1],
    [0x40, 3],
    [0x80, 5],
  ]).get(flags & 0xc0);
  const values: Values = { battery: view.getUint8(2) & 0x7f };
  if (first === undefined) return values;
  const ofPair = 3 << (first - 1);
  // Some firmware leaves the flags of the pair clear; the reserved temperature then tells alone.
  const plugged = flags & ofPair || ofPair;
  for (const [number, at] of [
    [first, 5],
    [first + 1, 12],
  ] as const) {
    const temperature = view.getInt16(at, true);
    if (temperature === UNPLUGGED || (plugged & (1 << (number - 1))) === 0) continue;
    values[`temperature_probe_${number}`] = temperature;
    const low = view.getInt16(at + 2, true);
    const high = view.getInt16(at + 4, true);
    if (high >= 0) values[`temperature_alarm_probe_${number}`] = high;
    if (low >= 0) values[`low_temperature_alarm_probe_${number}`] = low;
  }
  return values;
};

const oneAndAmbient: Decode = view => {
  const ambient = view.getInt16(14);
  return { ...probe(view, 1, 8, 10), ...(ambient === UNPLUGGED ? {} : { temperature: ambient / 100 }) };
};

const layouts: readonly Layout<Decode>[] = [
  {
    model: '5181',
    length: 14,
    name: /H5181/,
    companies: ['f861', '388a', 'ea42', 'aaa2', 'd14b'],
    service: '8151',
    decode: single,
  },
  { model: '5183', length: 14, name: /H5183/, companies: ['67dd', 'e02f', 'f79f'], service: '8351', decode: single },
  { model: '5182', length: 17, name: /H5182/, companies: ['2730'], service: '8251', decode: pair },
  { model: '5184', length: 17, name: /H5184/, companies: ['1b36'], service: '8451', decode: fourProbes },
  {
    model: '5185',
    length: 20,
    name: /H5185/,
    companies: ['4a32', '0332', '4c32'],
    service: '8551',
    decode: view => ({ ...probe(view, 1, 8, 10), ...probe(view, 2, 14, 16) }),
  },
  { model: '5191', length: 20, name: /H5191/, companies: ['ac63'], service: '9151', decode: oneAndAmbient },
  { model: '5198', length: 20, name: /H5198/, companies: ['3022'], service: '9851', decode: fourProbesWithLow },
  { model: '5055', length: 20, name: /H5055/, companies: ['ea1c'], service: '5550', decode: sixProbes },
];

const origin = 'Bluetooth-Devices/govee-ble tests/test_parser.py (MIT)';

export const decoder = defineDecoder({
  name: 'govee-probes',
  vendor: 'Govee',
  models: ['H5055', 'H5181', 'H5182', 'H5183', 'H5184', 'H5185', 'H5191', 'H5198'],
  source: 'https://github.com/Bluetooth-Devices/govee-ble',
  matches: advert => goveeFrame(advert, layouts) !== undefined,
  decode(advert) {
    const found = goveeFrame(advert, layouts);
    if (found === undefined) return { rejected: 'Govee: no layout for this length' };
    const telemetry = found.layout.decode(viewOf(found.frame));
    const deviceModel = modelOf(advert.name, found.layout.model);
    return Object.keys(telemetry).length > 0
      ? { telemetry, deviceModel }
      : { telemetry, deviceModel, quality: { payload: 'unknown probes' } };
  },
  examples: [
    {
      name: 'H5183',
      origin,
      advert: { service_uuids: ['8351'], manufacturer_data: { f79f: '7301000101e400800af0ffff0000' } },
      gives: { temperature_probe_1: 28, temperature_alarm_probe_1: 0 },
    },
    {
      name: 'H5182, second probe unplugged',
      advert: { name: 'GVH5182_1234', manufacturer_data: { '2730': '0001000101e4018606721964a6ffff1770' } },
      gives: { temperature_probe_1: 16.5, temperature_alarm_probe_1: 65, temperature_alarm_probe_2: 60 },
    },
    {
      name: 'H5184, below zero, second pair',
      advert: { service_uuids: ['8451'], manufacturer_data: { '1b36': '000100010164c206fe0c0000a609600000' } },
      gives: {
        temperature_probe_3: -5,
        temperature_alarm_probe_3: 0,
        temperature_probe_4: 24,
        temperature_alarm_probe_4: 0,
      },
    },
    {
      name: 'H5191',
      origin,
      advert: { service_uuids: ['9151'], manufacturer_data: { ac63: '83010001014c5d040fa01324ffff0af0ffffffff' } },
      gives: { temperature_probe_1: 40, temperature_alarm_probe_1: 49, temperature: 28 },
    },
    {
      name: 'H5198',
      origin,
      advert: { service_uuids: ['9851'], manufacturer_data: { '3022': '6c01000101a4c20f0e10ffffffff08fcffffffff' } },
      gives: {
        temperature_probe_3: 36,
        temperature_alarm_probe_3: 0,
        low_temperature_alarm_probe_3: 0,
        temperature_probe_4: 23,
        temperature_alarm_probe_4: 0,
        low_temperature_alarm_probe_4: 0,
      },
    },
    {
      name: 'H5055, one probe',
      origin,
      advert: { service_uuids: ['5550'], manufacturer_data: { af2f: '55006401201a00ffffffff201900ffffffff0000' } },
      gives: { battery: 100, temperature_probe_1: 26 },
    },
    {
      name: 'H5055, its other company, one of the second pair',
      origin: 'custom-components/ble_monitor test_govee_parser.py (MIT)',
      advert: { manufacturer_data: { ea1c: '3500644120ffffffffffff203200ffffffff0000' } },
      gives: { battery: 100, temperature_probe_4: 50 },
    },
    {
      name: 'unknown pair of probes',
      advert: { service_uuids: ['9851'], manufacturer_data: { '3022': '6c01000101a4c30f0e10ffffffff08fcffffffff' } },
      gives: {},
    },
  ],
});
