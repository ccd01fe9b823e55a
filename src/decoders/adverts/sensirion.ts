// Sensirion gadgets: company 0x06D5, the sample type says which values follow.
import type { Advert } from '../../reading/advert.ts';
import { defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const COMPANY = '06d5';
// Advertisement type (1), sample type (1), device id (2), values.
const HEAD = 4;

type Values = Record<string, number>;
type Part = (ticks: number) => Values;

const part =
  (metric: string, value: (ticks: number) => number): Part =>
  ticks => ({ [metric]: rounded(value(ticks), 8) });
const same = (ticks: number): number => ticks;

const temperature = part('temperature', ticks => (ticks * 175) / 65_535 - 45);
const humidity = part('humidity', ticks => (ticks * 100) / 65_535);
/** Newer sensors stretch their range so that readings beyond 0 and 100 % can be told. */
const stretched = part('humidity', ticks => (ticks * 125) / 65_535 - 6);
const co2 = part('co2', same);
const voc = part('voc_index', same);
const nox = part('nox_index', same);
const tenths = (metric: string): Part => part(metric, ticks => ticks / 10);
const pm = tenths('pm2_5');
/** Of earlier gadgets: a share of 1000 µg/m³. */
const pmShare = part('pm2_5', ticks => (ticks * 1000) / 65_535);
/** Parts per billion. */
const formaldehyde = part('formaldehyde_ppb', ticks => ticks / 5);

/** By sample type: each part is two bytes, little-endian. Odd types are those of the data logger. */
const samples: ReadonlyMap<number, { model: string; parts: readonly Part[] }> = new Map([
  [3, { model: 'AQ Minion', parts: [temperature, humidity, part('tvoc', same), part('tvoc_raw', same)] }],
  [4, { model: 'SHT3x', parts: [temperature, humidity] }],
  [6, { model: 'SHT4x', parts: [temperature, stretched] }],
  [8, { model: 'MyCO2', parts: [temperature, humidity, co2] }],
  [10, { model: 'CO2 Gadget', parts: [temperature, humidity, co2] }],
  [12, { model: 'Environmental Gadget', parts: [temperature, humidity, co2, pmShare] }],
  [14, { model: 'Formaldehyde Gadget', parts: [temperature, humidity, formaldehyde] }],
  [16, { model: 'SEN Gadget', parts: [temperature, humidity, voc, pmShare] }],
  [20, { model: 'Monstera Deliciosa', parts: [temperature, humidity, co2, voc, pmShare, formaldehyde] }],
  [22, { model: 'SVM41 Gadget', parts: [temperature, humidity, voc, nox] }],
  [24, { model: 'SEN55 Gadget', parts: [temperature, humidity, voc, nox, pm] }],
  [26, { model: 'SEN55 and CO2 Gadget', parts: [temperature, humidity, co2, voc, nox, pm] }],
  [28, { model: 'Environmental Gadget', parts: [temperature, humidity, co2, pm] }],
  [30, { model: 'SEN Gadget', parts: [temperature, humidity, voc, pm] }],
  [32, { model: 'Monstera Deliciosa', parts: [temperature, humidity, co2, voc, pm, formaldehyde] }],
  [34, { model: 'SEN50 Gadget', parts: [tenths('pm1'), pm, tenths('pm4'), tenths('pm10')] }],
  [36, { model: 'CO2 Gadget', parts: [co2] }],
]);

const frameOf = (advert: Advert): Uint8Array | undefined => {
  const frame = advert.manufacturerData.get(COMPANY);
  return frame?.[0] === 0 ? frame : undefined;
};

export const decoder = defineDecoder({
  name: 'sensirion',
  vendor: 'Sensirion',
  models: [...new Set([...samples.values()].map(({ model }) => model))],
  source: 'https://github.com/Sensirion/arduino-ble-gadget',
  keys: [COMPANY],
  matches: advert => frameOf(advert) !== undefined,
  decode(advert) {
    const frame = frameOf(advert) ?? new Uint8Array();
    const sample = samples.get(frame[1] ?? -1);
    if (sample === undefined)
      return { telemetry: {}, deviceModel: 'Sensirion', quality: { payload: 'this sample type is not known' } };
    const length = HEAD + 2 * sample.parts.length;
    if (frame.length < length)
      return { rejected: `Sensirion ${sample.model}: expected ${length} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    return {
      telemetry: Object.assign({}, ...sample.parts.map((read, at) => read(view.getUint16(HEAD + 2 * at, true)))),
      deviceModel: `Sensirion ${sample.model}`,
    };
  },
  examples: [
    {
      name: 'temperature and humidity, below zero',
      advert: { manufacturer_data: { [COMPANY]: '0006e2e7853a3d8a' } },
      gives: { temperature: -4.99580377, humidity: 61.50019074 },
    },
    {
      name: 'with CO2',
      advert: { manufacturer_data: { [COMPANY]: '0008673500600080bc02' } },
      gives: { temperature: 20.62600137, humidity: 50.00076295, co2: 700 },
    },
    {
      name: 'SEN55 with CO2',
      advert: { manufacturer_data: { [COMPANY]: '001a6735' + '0060' + '0080' + 'bc02' + '6400' + '0100' + '7b00' } },
      gives: { temperature: 20.62600137, humidity: 50.00076295, co2: 700, voc_index: 100, nox_index: 1, pm2_5: 12.3 },
    },
    {
      name: 'particles alone',
      advert: { manufacturer_data: { [COMPANY]: '00226735' + '0a00' + '1400' + '1e00' + '2800' } },
      gives: { pm1: 1, pm2_5: 2, pm4: 3, pm10: 4 },
    },
    {
      name: 'formaldehyde',
      advert: { manufacturer_data: { [COMPANY]: '000e6735' + '0060' + '0080' + '7b00' } },
      gives: { temperature: 20.62600137, humidity: 50.00076295, formaldehyde_ppb: 24.6 },
    },
    {
      name: 'a sample of the data logger',
      advert: { manufacturer_data: { [COMPANY]: '0007673500600080' } },
      gives: {},
    },
    {
      name: 'cut',
      advert: { manufacturer_data: { [COMPANY]: '0008673500600080bc' } },
      rejects: 'expected 10 bytes, got 9',
    },
  ],
});
