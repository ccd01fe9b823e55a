// Garnet SeeLevel tank monitors: company 0x0131, one sensor at a time, its value as three ASCII digits.
import type { Value } from '../../reading/reading.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded } from './shared/numbers.ts';

const COMPANY = '0131';
const LENGTH = 14;
/** By the number of the sensor; tanks in percent. */
const sensors: readonly string[] = [
  'fresh_tank',
  'black_tank',
  'grey_tank',
  'lpg_tank',
  'lpg_tank_2',
  'galley_tank',
  'galley_tank_2',
  'temperature',
  'temperature_2',
  'temperature_3',
  'temperature_4',
  'chemical_tank',
  'chemical_tank_2',
  'voltage',
];
const DIGITS = /^ *[0-9]{1,3}$/;
const deviceModel = 'SeeLevel II 709-BTP3';

export const decoder = defineDecoder({
  name: 'garnet',
  vendor: 'Garnet',
  models: [deviceModel],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.get(COMPANY)?.length === LENGTH,
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    const metric = sensors[frame[3] ?? -1];
    if (metric === undefined) return { telemetry: {}, deviceModel, quality: { payload: 'this sensor is not known' } };
    const text = Buffer.from(frame.subarray(4, 7)).toString('latin1');
    const alarm = String.fromCharCode(frame[13] ?? 0);
    const problem: Record<string, Value> = /^[0-9]$/.test(alarm) ? { problem: alarm !== '0' } : {};
    if (!DIGITS.test(text)) return { telemetry: problem, deviceModel, quality: { [metric]: 'not available' } };
    // Degrees of which kind is a setting of the panel.
    if (metric.startsWith('temperature'))
      return { telemetry: problem, deviceModel, quality: { [metric]: 'its unit is not told' } };
    const value = Number(text);
    return { telemetry: { [metric]: metric === 'voltage' ? rounded(value / 10) : value, ...problem }, deviceModel };
  },
  examples: [
    {
      name: 'battery',
      origin: 'custom-components/ble_monitor test_oras.py (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '0c464e0d31333230303030303030' } },
      gives: { voltage: 13.2, problem: false },
    },
    {
      name: 'black water',
      origin: 'custom-components/ble_monitor test_oras.py (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '0c464e0120373130303030303030' } },
      gives: { black_tank: 71, problem: false },
    },
    {
      name: 'the wire is cut',
      advert: { manufacturer_data: { [COMPANY]: '0c464e004f504e30303030303030' } },
      gives: { problem: false },
    },
  ],
});
