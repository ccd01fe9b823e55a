// Values under UUIDs of the Bluetooth SIG, as many simple devices send them: battery, temperature, humidity, pressure.
import type { Advert } from '../../reading/advert.ts';
import { type DecodedAdvert, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

type Field = {
  metric: string;
  bytes: number;
  /** Undefined where the specification says that this is no value. */
  read(view: DataView): number | undefined;
};

const battery: Field = { metric: 'battery', bytes: 1, read: view => atMost(100, view.getUint8(0)) };

/** By UUID (Bluetooth GATT specification supplement, which also says what stands for "not known"). */
const services: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['180f', battery],
  ['2a19', battery],
  ['2a6e', { metric: 'temperature', bytes: 2, read: view => atLeast(-273.15, view.getInt16(0, true) / 100) }],
  ['2a6f', { metric: 'humidity', bytes: 2, read: view => atMost(100, view.getUint16(0, true) / 100) }],
  ['2a6d', { metric: 'pressure', bytes: 4, read: view => view.getUint32(0, true) / 1000 }],
]);

const atMost = (limit: number, value: number): number | undefined => (value <= limit ? value : undefined);
const atLeast = (limit: number, value: number): number | undefined => (value >= limit ? value : undefined);

function fieldsOf(advert: Advert): readonly (readonly [Field, Uint8Array])[] {
  return [...advert.serviceData].flatMap(([uuid, bytes]) => {
    const field = services.get(uuid);
    return field === undefined || field.bytes !== bytes.length ? [] : [[field, bytes] as const];
  });
}

function decode(advert: Advert): DecodedAdvert {
  const telemetry: Record<string, number> = {};
  const quality: Record<string, string> = {};
  for (const [{ metric, read }, bytes] of fieldsOf(advert)) {
    const value = read(viewOf(bytes));
    if (value === undefined) quality[metric] = 'not available';
    else telemetry[metric] = value;
  }
  return { telemetry, quality };
}

export const decoder = defineDecoder({
  name: 'standard-services',
  vendor: 'Several',
  models: ['Battery service', 'Environmental characteristics'],
  source: 'https://www.bluetooth.com/specifications/gss/',
  generic: true,
  keys: [...services.keys()],
  matches: advert => fieldsOf(advert).length > 0,
  decode,
  examples: [
    { name: 'battery', advert: { service_data: { '180f': '5a' } }, gives: { battery: 90 } },
    {
      name: 'none of them known',
      advert: { service_data: { '180f': 'ff', '2a6e': '0080', '2a6f': 'ffff' } },
      gives: {},
    },
    {
      name: 'temperature, humidity, pressure',
      advert: { service_data: { '2a6e': '0cfe', '2a6f': '9411', '2a6d': '94760f00' } },
      gives: { temperature: -5, humidity: 45, pressure: 1013.396 },
    },
  ],
});
