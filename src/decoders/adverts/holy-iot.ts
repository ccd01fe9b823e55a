// HolyIOT sensor tags: service data 0x5242 with battery, address, and one measurement at a time.
import type { Value } from '../../reading/reading.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const UUID = '5242';
const LENGTH = 13;
const KIND = 10;

type Read = (view: DataView) => Record<string, Value>;

/** Whole degrees with a sign, then hundredths. */
function temperature(view: DataView): Record<string, number> {
  const whole = view.getInt8(11);
  const hundredths = view.getUint8(12);
  return { temperature: (whole * 100 + (whole < 0 ? -hundredths : hundredths)) / 100 };
}

/** Kind of a measurement → its value at byte 11. */
const kinds: ReadonlyMap<number, Read> = new Map<number, Read>([
  [0, () => ({})],
  [1, temperature],
  [2, view => ({ pressure: (80_000 + view.getInt16(11)) / 100 })],
  [3, view => ({ humidity: view.getUint8(11) })],
  [4, view => ({ vibration: view.getUint8(11) !== 0 })],
  [5, view => ({ side: view.getUint8(11) })],
  [6, (view): Record<string, Value> => (view.getUint8(11) === 1 ? { button: 'press' } : {})],
]);

export const decoder = defineDecoder({
  name: 'holy-iot',
  vendor: 'HolyIOT',
  models: ['Sensor tag'],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [UUID],
  matches: advert => advert.serviceData.has(UUID),
  decode(advert): Decoded {
    const frame = advert.serviceData.get(UUID) ?? new Uint8Array();
    if (frame.length !== LENGTH) return { rejected: `HolyIOT: expected ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    const values = kinds.get(frame[KIND]!)?.(view);
    return {
      telemetry: { battery: view.getUint8(1), ...values },
      quality: values === undefined ? { payload: 'this kind of measurement is not known' } : {},
      deviceModel: 'HolyIOT tag',
    };
  },
  examples: [
    ['below zero', '01ed25', { temperature: -19.37 }],
    ['pressure', '025334', { pressure: 1013 }],
    ['humidity', '034c00', { humidity: 76 }],
    ['vibration', '040100', { vibration: true }],
    ['lies on side 5', '050500', { side: 5 }],
    ['pressed', '060100', { button: 'press' }],
  ].map(([name, value, gives]) => ({
    name: String(name),
    origin: 'custom-components/ble_monitor test_holyiot.py (MIT)',
    advert: { service_data: { [UUID]: `4164c6b545f6f18e0606${value}` } },
    gives: { battery: 100, ...(gives as Record<string, Value>) },
  })),
});
