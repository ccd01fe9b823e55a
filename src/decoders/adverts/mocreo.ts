// Mocreo sensors: no company of their own, its place holds a version and the kind of sensor; known by their name.
import type { Advert } from '../../reading/advert.ts';
import type { Value } from '../../reading/reading.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const NAME = 'MOCREO';
const LENGTH = 16;

type Kind = { model: string; read: (view: DataView) => Record<string, Value> };

const temperature = (view: DataView) => ({ temperature: view.getInt16(4, true) / 100 });
const climate = (view: DataView) => ({ ...temperature(view), humidity: view.getUint16(6, true) / 100 });
const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['81', { model: 'ST5', read: temperature }],
  ['82', { model: 'SW2', read: view => ({ moisture: (view.getUint8(8) & 1) === 1 }) }],
  ['83', { model: 'ST6', read: climate }],
  ['84', { model: 'ST8', read: temperature }],
  ['86', { model: 'ST9', read: climate }],
  ['87', { model: 'ST10', read: temperature }],
  ['8b', { model: 'MS1', read: temperature }],
  ['94', { model: 'MS2', read: temperature }],
  ['96', { model: 'MS3', read: temperature }],
]);
/** The lower half of the version is 1. */
const VERSIONS = [...'0123456789abcdef'].map(high => `${high}1`);

function frameOf({ name, manufacturerData }: Advert): { kind: Kind; frame: Uint8Array } | undefined {
  if (name !== NAME) return undefined;
  for (const [company, frame] of manufacturerData) {
    const kind = kinds.get(company.slice(0, 2));
    if (kind !== undefined) return { kind, frame };
  }
  return undefined;
}

const example = (name: string, company: string, hex: string, gives: Record<string, Value>) => ({
  name,
  origin: 'custom-components/ble_monitor test_mocreo_parser.py (MIT)',
  advert: { name: NAME, manufacturer_data: { [company]: hex } },
  gives,
});

export const decoder = defineDecoder({
  name: 'mocreo',
  vendor: 'Mocreo',
  models: [...kinds.values()].map(({ model }) => model),
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [...kinds.keys()].flatMap(kind => VERSIONS.map(version => kind + version)),
  matches: advert => frameOf(advert) !== undefined,
  decode(advert): Decoded {
    const { kind, frame } = frameOf(advert) ?? {};
    if (kind === undefined || frame?.length !== LENGTH)
      return { rejected: `Mocreo: expected ${LENGTH} bytes, got ${frame?.length ?? 0}` };
    const view = viewOf(frame);
    // The highest bit of the battery says something else.
    return {
      telemetry: { battery: view.getUint8(2) & 0x7f, ...kind.read(view) },
      deviceModel: `Mocreo ${kind.model}`,
    };
  },
  examples: [
    example('temperature', '8101', '290154b0920900000000006162000000', { battery: 84, temperature: 24.5 }),
    example('humidity', '8341', 'dd0262b0200af31400000150bf000000', {
      battery: 98,
      temperature: 25.92,
      humidity: 53.63,
    }),
    example('freezer', '8701', '890181b092f70000000000da73000000', { battery: 1, temperature: -21.58 }),
    example('dry', '8201', '1580e4000000000000000086f6000000', { battery: 100, moisture: false }),
    {
      name: 'cut',
      advert: { name: NAME, manufacturer_data: { '8101': '290154b09209' } },
      rejects: 'expected 16 bytes, got 6',
    },
  ],
});
