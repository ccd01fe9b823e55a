// Xiaogui and Leaone scales: a counter stands in the company's place, the address at the end; the state says unit and whether it stands.
import { fromHex } from '../../kernel/bytes.ts';
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const LENGTH = 13;
const POUND = 0.453_592_37;

type State = { model: string; kilograms: number; stable: boolean };

/** By the byte before the address: kilograms of one count. */
const states: ReadonlyMap<number, State> = new Map([
  [0x20, { model: 'TZC4', kilograms: 0.1, stable: false }],
  [0x21, { model: 'TZC4', kilograms: 0.1, stable: true }],
  [0x24, { model: 'QJ-J', kilograms: 0.01, stable: false }],
  [0x25, { model: 'QJ-J', kilograms: 0.01, stable: true }],
  [0x30, { model: 'TZC4', kilograms: POUND / 10, stable: false }],
  [0x31, { model: 'TZC4', kilograms: POUND / 10, stable: true }],
]);
const OURS = ['c0', '00'];
const COUNTERS = Array.from({ length: 256 }, (_, counter) => counter.toString(16).padStart(2, '0')).flatMap(counter =>
  OURS.map(low => counter + low),
);

/** Some scanners keep what was sent before, under other counters: the last one is the newest. */
function frameOf({ address, manufacturerData }: Advert): Uint8Array | undefined {
  const likely = [...manufacturerData].filter(
    ([company, frame]) => frame.length === LENGTH && OURS.includes(company.slice(2)) && states.has(frame[6]!),
  );
  if (likely.length === 0) return undefined;
  const own = fromHex(address ?? '');
  const ours = likely.filter(([, frame]) => own?.length === 6 && own.every((byte, at) => frame[7 + at] === byte));
  return ours.at(-1)?.[1];
}

const origin = 'Bluetooth-Devices/xiaogui-ble tests/test_parser.py (MIT)';
const address = '5F:5A:5C:52:D3:94';

export const decoder = defineDecoder({
  name: 'xiaogui',
  vendor: 'Xiaogui, Leaone',
  models: [...new Set([...states.values()].map(({ model }) => model))],
  source: 'https://github.com/Bluetooth-Devices/xiaogui-ble',
  keys: COUNTERS,
  matches: advert => frameOf(advert) !== undefined,
  decode(advert): Decoded {
    const frame = frameOf(advert);
    const state = states.get(frame?.[6] ?? -1);
    if (frame === undefined || state === undefined)
      return { rejected: `Xiaogui: expected ${LENGTH} bytes with the address` };
    const view = viewOf(frame);
    const mass = rounded(view.getUint16(0) * state.kilograms, 2);
    return {
      telemetry: {
        mass_non_stabilized: mass,
        stabilized: state.stable,
        ...(state.stable ? { mass, impedance: view.getUint16(2) / 10 } : {}),
      },
      deviceModel: `Xiaogui ${state.model}`,
    };
  },
  examples: [
    {
      name: 'pounds, still moving',
      origin,
      advert: { address, manufacturer_data: { dfc0: '06a400000002305f5a5c52d394' } },
      gives: { mass_non_stabilized: 77.11, stabilized: false },
    },
    {
      name: 'pounds, standing',
      origin,
      advert: { address, manufacturer_data: { f7c0: '06a413800002315f5a5c52d394' } },
      gives: { mass_non_stabilized: 77.11, stabilized: true, mass: 77.11, impedance: 499.2 },
    },
    {
      name: 'Leaone',
      origin: 'Bluetooth-Devices/leaone-ble tests/test_parser.py (MIT)',
      advert: { address, manufacturer_data: { df00: '06a400000002305f5a5c52d394' } },
      gives: { mass_non_stabilized: 77.11, stabilized: false },
    },
  ],
});
