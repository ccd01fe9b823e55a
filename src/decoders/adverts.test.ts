// Every shipped advert decoder: its examples, every truncation of them, random bytes.
import assert from 'node:assert/strict';
import { fromHex, toHex } from '../kernel/bytes.ts';
import type { Advert } from '../reading/advert.ts';
import { type AdvertRecord, advertOf } from './advert-record.ts';
import type { LoadedDecoder } from './load-folder.ts';
import { clashes, exampleFault, type Registry, registryOf, shippedDecoders, type Verdict } from './registry.ts';

/** Whatever comes in: a reason in words, or finite values. */
function assertSound(verdict: Verdict, what: string): void {
  if ('rejected' in verdict) {
    assert.match(verdict.rejected, /\S/, what);
    assert.doesNotMatch(verdict.rejected, /failed|\bnull\b|NaN|Infinity|undefined/, what);
    return;
  }
  for (const [metric, value] of Object.entries(verdict.decoded.telemetry)) {
    assert.match(metric, /^[a-z0-9_]+$/, what);
    assert.ok(typeof value !== 'number' || Number.isFinite(value), `${what}: ${metric} = ${value}`);
    assert.ok(!Object.is(value, -0), `${what}: ${metric} is -0`);
  }
  assert.doesNotMatch(JSON.stringify(verdict.decoded), /null/, what);
}

/** The same sequence in every run (mulberry32). */
function randomBytes(seed: number): (length: number) => Uint8Array {
  let state = seed;
  return length =>
    Uint8Array.from({ length }, () => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return (mixed ^ (mixed >>> 14)) & 0xff;
    });
}

function parsed(record: AdvertRecord): Advert {
  const advert = advertOf(record);
  assert.ok(!('rejected' in advert));
  return advert;
}

/** The record with each of its data fields run through `change`. */
function changed(record: AdvertRecord, change: (bytes: Uint8Array) => Uint8Array): AdvertRecord {
  const all = (map: AdvertRecord['service_data']): Record<string, string> =>
    Object.fromEntries(Object.entries(map ?? {}).map(([key, hex]) => [key, toHex(change(fromHex(hex)!))]));
  return { ...record, service_data: all(record.service_data), manufacturer_data: all(record.manufacturer_data) };
}

describe('advert decoders', () => {
  let shipped: readonly LoadedDecoder[];
  let registry: Registry;
  before(async () => {
    shipped = await shippedDecoders();
    registry = registryOf(shipped.map(({ decoder }) => decoder));
  });

  it('are named after their files, with source and models', () => {
    assert.ok(shipped.length >= 6, `found ${shipped.length}`);
    for (const { file, decoder } of shipped) {
      assert.equal(file.replace(/\.[jt]s$/, ''), decoder.name);
      assert.match(decoder.source, /^https:\/\//, file);
      assert.ok(decoder.models.length > 0, file);
    }
    assert.deepEqual(clashes(shipped, []), new Map());
  });

  it('give what their examples say', () => {
    const wrong = shipped.flatMap(({ file, decoder }) =>
      decoder.examples
        .map(example => exampleFault(decoder, example))
        .filter(why => why !== undefined)
        .map(why => `${file}: ${why}`),
    );
    assert.deepEqual(wrong, []);
  });

  it('survive every truncation and extension of their examples', () => {
    for (const { decoder } of shipped)
      for (const { name, advert } of decoder.examples)
        for (let cut = 0; cut < 48; cut++) {
          const shorter = changed(advert, bytes => bytes.subarray(0, cut));
          assertSound(registry.decode(parsed(shorter)), `${decoder.name}, ${name}, first ${cut} bytes`);
          const longer = changed(advert, bytes => Buffer.concat([bytes, new Uint8Array(cut).fill(0xff)]));
          assertSound(registry.decode(parsed(longer)), `${decoder.name}, ${name}, ${cut} bytes more`);
        }
  });

  it('survive every byte of their examples being wrong', () => {
    for (const { decoder } of shipped)
      for (const { name, advert } of decoder.examples)
        for (let at = 0; at < 40; at++)
          for (const wrong of [0x00, 0x1f, 0x54, 0x7f, 0x80, 0xff]) {
            const damaged = changed(advert, bytes => bytes.map((byte, index) => (index === at ? wrong : byte)));
            assertSound(registry.decode(parsed(damaged)), `${decoder.name}, ${name}, byte ${at} = ${wrong}`);
          }
  });

  it('survive random bytes under every key they look at', () => {
    const random = randomBytes(20_260_101);
    const keys = (side: 'service_data' | 'manufacturer_data'): string[] => [
      ...new Set(
        shipped.flatMap(({ decoder }) => decoder.examples.flatMap(({ advert }) => Object.keys(advert[side] ?? {}))),
      ),
    ];
    for (const side of ['service_data', 'manufacturer_data'] as const)
      for (const key of keys(side))
        for (let round = 0; round < 2000; round++) {
          const bytes = random(round % 45);
          // Half of them begin as a right frame would, so that they get past the first check.
          if (round % 2 === 0 && bytes.length > 0) bytes[0] = [0x40, 0x44, 0x42, 3, 5, 6, 0xe1, 0x41][round % 8]!;
          assertSound(registry.decode(parsed({ [side]: { [key]: toHex(bytes) } })), `${side} ${key} ${toHex(bytes)}`);
        }
  });
});
