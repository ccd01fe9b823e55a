// The thread in which a user's decoder file is tried: its examples as they are, cut, blanked and filled, then random bytes.
import { parentPort } from 'node:worker_threads';
import { fromHex, toHex } from '../kernel/bytes.ts';
import { type AdvertRecord, advertOf } from './advert-record.ts';
import type { AdvertDecoder } from './define.ts';
import { decoderOf } from './load-folder.ts';
import { registryOf } from './registry.ts';
import type { Trial, Tried } from './trial.ts';

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

/** Only whether it ends matters here: what is wrong else shows when the file is loaded. */
function tryOut(decoder: AdvertDecoder): void {
  const registry = registryOf([decoder]);
  for (const { advert } of decoder.examples)
    for (const change of [(bytes: Uint8Array) => bytes, ...changesOf(LONGEST)]) {
      const record = advertOf(changed(advert, change));
      if (!('rejected' in record)) registry.decode(record);
    }
}

parentPort?.on('message', async ({ href }: Trial) => {
  try {
    tryOut(await decoderOf(href));
  } catch {}
  parentPort?.postMessage({ tried: href } satisfies Tried);
});
parentPort?.postMessage({ tried: '' } satisfies Tried);
