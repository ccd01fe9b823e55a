// Every shipped advert decoder on frames that fast-check makes of its examples: whatever they say, values stay sound.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fromHex, toHex } from '../kernel/bytes.ts';
import { type AdvertRecord, advertOf } from './advert-record.ts';
import type { LoadedDecoder } from './load-folder.ts';
import { registryOf, shippedDecoders } from './registry.ts';

const SEED = 20_261_121;

type Side = 'service_data' | 'manufacturer_data';
type Place = { advert: AdvertRecord; side: Side; key: string; bytes: Uint8Array };

/** The data fields of a decoder's examples. */
function placesOf({ decoder }: LoadedDecoder): Place[] {
  return decoder.examples.flatMap(({ advert }) =>
    (['service_data', 'manufacturer_data'] as const).flatMap(side =>
      Object.entries(advert[side] ?? {}).map(([key, hex]) => ({ advert, side, key, bytes: fromHex(hex)! })),
    ),
  );
}

/** Bytes at the limits of what fields can hold, which is where layouts put "not available". */
const limit = fc.constantFrom(
  ...[
    '00',
    'ff',
    '7f',
    '80',
    '0000',
    'ffff',
    '7fff',
    'ff7f',
    '8000',
    '0080',
    'feff',
    'fffe',
    'fffff7',
    'ffffff7f',
    '00000080',
  ],
);
const change = fc.oneof(
  fc.record({ at: fc.nat(60), put: limit }),
  fc.record({ at: fc.nat(60), put: fc.uint8Array({ minLength: 1, maxLength: 6 }).map(toHex) }),
);

function changed(
  { advert, side, key, bytes }: Place,
  changes: readonly { at: number; put: string }[],
  length: number,
): AdvertRecord {
  const frame = Buffer.alloc(Math.min(length, 255), 0xff);
  frame.set(bytes.subarray(0, frame.length));
  for (const { at, put } of changes)
    frame.set(fromHex(put)!.subarray(0, Math.max(0, frame.length - at)), Math.min(at, frame.length));
  return { ...advert, [side]: { ...advert[side], [key]: toHex(frame) } };
}

describe('advert decoders, at the limits', () => {
  let shipped: readonly LoadedDecoder[];
  before(async () => {
    shipped = await shippedDecoders();
  });

  it('give finite values, or the reason why there is none, never both of one metric', () => {
    const registry = registryOf(shipped.map(({ decoder }) => decoder));
    for (const loaded of shipped) {
      const places = placesOf(loaded);
      if (places.length === 0) continue;
      fc.assert(
        fc.property(
          fc.constantFrom(...places),
          fc.array(change, { maxLength: 4 }),
          fc.integer({ min: -6, max: 12 }),
          (place, changes, more) => {
            const advert = advertOf(changed(place, changes, Math.max(0, place.bytes.length + more)));
            assert.ok(!('rejected' in advert));
            const verdict = registry.decode(advert);
            if ('rejected' in verdict) return assert.match(verdict.rejected, /\S/);
            const { telemetry, quality = {} } = verdict.decoded;
            for (const [metric, value] of Object.entries(telemetry)) {
              assert.ok(
                typeof value !== 'number' || (Number.isFinite(value) && !Object.is(value, -0)),
                `${metric} = ${value}`,
              );
              assert.ok(!(metric in quality), `${metric} has a value and a reason why not`);
            }
          },
        ),
        { seed: SEED, numRuns: 300 },
      );
    }
  }).timeout(60_000);

  /** What layouts themselves call no value: the frame, and the metric that must not come of it. */
  const sentinels: [name: string, advert: AdvertRecord, metric: string][] = [
    [
      'Ruuvi 5 temperature',
      { manufacturer_data: { '0499': '0580005394c37c0004fffc040cac364200cdcbb8334c884f' } },
      'temperature',
    ],
    [
      'Ruuvi 5 humidity',
      { manufacturer_data: { '0499': '0512fcffffc37c0004fffc040cac364200cdcbb8334c884f' } },
      'humidity',
    ],
    [
      'Ruuvi 5 pressure',
      { manufacturer_data: { '0499': '0512fc5394ffff0004fffc040cac364200cdcbb8334c884f' } },
      'pressure',
    ],
    [
      'Aranet temperature',
      { manufacturer_data: { '0702': '21130401000e0f01dc0500402e272d5f032c011e00b9' } },
      'temperature',
    ],
    ['battery service', { service_data: { '180f': 'ff' } }, 'battery'],
    ['temperature characteristic', { service_data: { '2a6e': '0080' } }, 'temperature'],
    ['humidity characteristic', { service_data: { '2a6f': 'ffff' } }, 'humidity'],
  ];
  for (const [name, record, metric] of sentinels)
    it(`give no ${metric} where there is none: ${name}`, () => {
      const advert = advertOf(record);
      assert.ok(!('rejected' in advert));
      const verdict = registryOf(shipped.map(({ decoder }) => decoder)).decode(advert);
      assert.ok(!('rejected' in verdict), JSON.stringify(verdict));
      assert.ok(!(metric in verdict.decoded.telemetry));
      assert.ok(metric in (verdict.decoded.quality ?? {}));
    });
});
