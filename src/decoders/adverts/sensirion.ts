// Sensirion gadgets: company 0x06D5, the sample type says which values follow.
import type { Advert } from '../../reading/advert.ts';
import { defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const COMPANY = '06d5';
// Advertisement type (1), sample type (1), device id (2), values.
const HEAD = 4;

type Values = Record<string, number>;
const temperature = (view: DataView): Values => ({
  temperature: rounded((view.getUint16(4, true) * 175) / 65_535 - 45, 8),
});
/** Newer sensors stretch their range so that readings beyond 0 and 100 % can be told. */
const stretched = (view: DataView): Values => ({ humidity: rounded((view.getUint16(6, true) * 125) / 65_535 - 6, 8) });
const plain = (view: DataView): Values => ({ humidity: rounded((view.getUint16(6, true) * 100) / 65_535, 8) });
const co2 = (view: DataView): Values => ({ co2: view.getUint16(8, true) });

type Sample = { model: string; bytes: number; parts: readonly ((view: DataView) => Values)[] };
const samples: ReadonlyMap<number, Sample> = new Map([
  [4, { model: 'SHT3x', bytes: 4, parts: [temperature, plain] }],
  [6, { model: 'SHT4x', bytes: 4, parts: [temperature, stretched] }],
  [8, { model: 'MyCO2', bytes: 6, parts: [temperature, plain, co2] }],
  [10, { model: 'CO2 Gadget', bytes: 6, parts: [temperature, plain, co2] }],
]);

const frameOf = (advert: Advert): Uint8Array | undefined => {
  const frame = advert.manufacturerData.get(COMPANY);
  return frame?.[0] === 0 ? frame : undefined;
};

export const decoder = defineDecoder({
  name: 'sensirion',
  vendor: 'Sensirion',
  models: [...samples.values()].map(({ model }) => model),
  source: 'https://github.com/Sensirion/arduino-ble-gadget',
  keys: [COMPANY],
  matches: advert => frameOf(advert) !== undefined,
  decode(advert) {
    const frame = frameOf(advert) ?? new Uint8Array();
    const sample = samples.get(frame[1] ?? -1);
    if (sample === undefined)
      return { telemetry: {}, deviceModel: 'Sensirion', quality: { payload: 'this sample type is not known' } };
    if (frame.length < HEAD + sample.bytes)
      return { rejected: `Sensirion ${sample.model}: expected ${HEAD + sample.bytes} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    return {
      telemetry: Object.assign({}, ...sample.parts.map(read => read(view))),
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
      name: 'cut',
      advert: { manufacturer_data: { [COMPANY]: '0008673500600080bc' } },
      rejects: 'expected 10 bytes, got 9',
    },
  ],
});
