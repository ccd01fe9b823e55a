// Tries a user's decoder: its examples as they are, cut, blanked and filled, then random bytes. Runs in its thread.
import { reasonOf } from '../kernel/fault.ts';
import { fromHex, toHex } from '../kernel/bytes.ts';
import { type AdvertRecord, advertOf } from './advert-record.ts';
import type { AdvertDecoder } from './define.ts';
import { exampleFault, registryOf } from './registry.ts';

const RANDOM_FRAMES = 200;
const LONGEST = 40;

type Change = (bytes: Uint8Array) => Uint8Array;

function changesOf(length: number): Change[] {
  const cuts = Array.from(
    { length: length + 1 },
    (_, at): Change =>
      bytes =>
        bytes.subarray(0, at),
  );
  const fills = [0x00, 0xff].flatMap(fill =>
    Array.from(
      { length },
      (_, at): Change =>
        bytes =>
          bytes.map((byte, index) => (index < at ? byte : fill)),
    ),
  );
  const random = Array.from(
    { length: RANDOM_FRAMES },
    (): Change => bytes =>
      // The first byte often says what the frame is.
      bytes.map((byte, at) => (at === 0 && Math.random() < 0.5 ? byte : Math.floor(Math.random() * 256))),
  );
  return [...cuts, ...fills, ...random];
}

function changed(record: AdvertRecord, change: Change): AdvertRecord {
  const all = (map: AdvertRecord['service_data']): Record<string, string> =>
    Object.fromEntries(
      Object.entries(map ?? {}).map(([key, hex]) => [key, toHex(change(fromHex(hex) ?? new Uint8Array()))]),
    );
  return { ...record, service_data: all(record.service_data), manufacturer_data: all(record.manufacturer_data) };
}

/**
 * Why the decoder cannot be used, or undefined. What it makes of damaged frames does not matter, only that it ends.
 * `onFrame` is called after each of them.
 */
export function trialFault(decoder: AdvertDecoder, onFrame: () => void): string | undefined {
  try {
    for (const example of decoder.examples) {
      const why = exampleFault(decoder, example);
      if (why !== undefined) return why;
    }
  } catch (error) {
    return reasonOf(error);
  }
  const registry = registryOf([decoder]);
  for (const { advert } of decoder.examples)
    for (const change of changesOf(LONGEST)) {
      const record = advertOf(changed(advert, change));
      if (!('rejected' in record)) registry.decode(record);
      onFrame();
    }
  return undefined;
}
