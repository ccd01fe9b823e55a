// Air Mentor monitors: no company of their own, its place says which of two frames this is, of the Pro 2 or the 2S.
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

type Model = {
  name: string;
  length: number;
  air: (view: DataView) => Record<string, number>;
  gas: (view: DataView) => Record<string, number>;
};

/** Molar mass and volume of what the sensor takes for its mixture of gases. */
const MICROGRAMS_PER_PPB = 110 / 24.4;
const FORMALDEHYDE_MG_PER_PPB = 0.001_228;

/** How much vapour saturates air, but for a factor that does not count here. */
const saturation = (celsius: number): number => Math.exp((celsius * 17.62) / (celsius + 243.12));

function climate(view: DataView): { measured: number; calibrated: number; humidity: number } {
  const measured = (view.getUint16(2) - 4000) / 100;
  return { measured, calibrated: measured - view.getUint8(4) / 10, humidity: view.getUint8(5) };
}

const air =
  (corrected: boolean) =>
  (view: DataView): Record<string, number> => {
    const { measured, calibrated, humidity } = climate(view);
    return {
      temperature: rounded(measured, 2),
      temperature_calibrated: rounded(calibrated, 2),
      // The Pro 2 measures beside its own warmth.
      humidity: corrected ? rounded((humidity * saturation(measured)) / saturation(calibrated), 2) : humidity,
      voc: rounded(view.getUint16(0) * MICROGRAMS_PER_PPB, 2),
      air_quality: view.getUint16(6),
    };
  };
const gas = (view: DataView): Record<string, number> => ({
  co2: view.getUint16(0),
  pm2_5: view.getUint16(2),
  pm10: view.getUint16(4),
});

const PRO_2: Model = { name: 'Air Mentor Pro 2', length: 8, air: air(true), gas };
const TWO_S: Model = {
  name: 'Air Mentor 2S',
  length: 12,
  air: air(false),
  gas: view => ({ ...gas(view), formaldehyde: rounded(view.getUint16(8) * FORMALDEHYDE_MG_PER_PPB) }),
};
const companies: ReadonlyMap<string, readonly [Model, 'air' | 'gas']> = new Map<
  string,
  readonly [Model, 'air' | 'gas']
>([
  ['2112', [PRO_2, 'air']],
  ['2122', [PRO_2, 'air']],
  ['2111', [PRO_2, 'gas']],
  ['2121', [PRO_2, 'gas']],
  ['5112', [TWO_S, 'air']],
  ['5122', [TWO_S, 'air']],
  ['6111', [TWO_S, 'gas']],
  ['6121', [TWO_S, 'gas']],
]);
const origin = 'custom-components/ble_monitor test_airmentor.py (MIT)';

export const decoder = defineDecoder({
  name: 'air-mentor',
  vendor: 'Air Mentor',
  models: [PRO_2.name, TWO_S.name],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [...companies.keys()],
  matches: ({ manufacturerData }) =>
    [...companies].some(([id, [{ length }]]) => manufacturerData.get(id)?.length === length),
  decode({ manufacturerData }): Decoded {
    for (const [id, [model, kind]] of companies) {
      const frame = manufacturerData.get(id);
      if (frame?.length === model.length) return { telemetry: model[kind](viewOf(frame)), deviceModel: model.name };
    }
    return { rejected: `Air Mentor: expected ${PRO_2.length} or ${TWO_S.length} bytes` };
  },
  examples: [
    {
      name: 'Pro 2, climate',
      origin,
      advert: { manufacturer_data: { '2122': '00b91963332d0145' } },
      gives: { temperature: 24.99, temperature_calibrated: 19.89, humidity: 61.34, voc: 834.02, air_quality: 325 },
    },
    {
      name: 'Pro 2, gases',
      origin,
      advert: { manufacturer_data: { '2121': '2710000300030000' } },
      gives: { co2: 10_000, pm2_5: 3, pm10: 3 },
    },
    {
      name: '2S, gases',
      origin,
      advert: { manufacturer_data: { '6121': '02b8000300041b9400126d01' } },
      gives: { co2: 696, pm2_5: 3, pm10: 4, formaldehyde: 0.022104 },
    },
  ],
});
