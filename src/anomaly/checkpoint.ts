// Checkpoint: what all series know, in one file that is replaced as a whole, so that a restart goes on where it was.
import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as breath } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { reasonOf } from '../kernel/fault.ts';
import { codeOf } from '../reading/error-code.ts';

/** Layout, little endian: these bytes, which say what the keys of series are; then of each series length of name and of state (u32), CRC-32 of both, name, state. */
const BEGIN = 'fieldline anomaly 1 ';
const magicOf = (keys: string): Buffer => Buffer.from(`${BEGIN}${JSON.stringify(keys)}\n`);
const HEAD = 12;
const LONGEST_NAME = 4096;
const LARGEST_STATE = 16_384;
// Between so many series others get their turn: packing one takes some 50 µs.
const AT_ONCE = 16;
/** Bytes of a file that are read at once. */
const PIECE = 1 << 20;

export type Saved = Iterable<readonly [name: string, state: Uint8Array]>;

function record(name: string, state: Uint8Array): Buffer {
  const text = Buffer.from(name);
  const head = Buffer.alloc(HEAD);
  head.writeUInt32LE(text.length, 0);
  head.writeUInt32LE(state.length, 4);
  head.writeUInt32LE(crc32(state, crc32(text)), 8);
  return Buffer.concat([head, text, state]);
}

/** Writes the file anew, on the disk before it takes the place of the old one; answers how many series it holds. */
export async function writeCheckpoint(file: string, keys: string, states: Saved): Promise<number> {
  await mkdir(path.dirname(file), { recursive: true });
  const fresh = `${file}.new`;
  try {
    const written = await fill(fresh, keys, states);
    await rename(fresh, file);
    return written;
  } catch (error) {
    // Half a file would keep a full disk full.
    await rm(fresh, { force: true });
    throw error;
  }
}

async function fill(file: string, keys: string, states: Saved): Promise<number> {
  const target = await open(file, 'w');
  let written = 0;
  try {
    let batch: Uint8Array[] = [magicOf(keys)];
    for (const [name, state] of states) {
      if (Buffer.byteLength(name) > LONGEST_NAME || state.length > LARGEST_STATE) continue;
      batch.push(record(name, state));
      if (++written % AT_ONCE !== 0) continue;
      await target.writeFile(Buffer.concat(batch));
      batch = [];
      await breath();
    }
    await target.writeFile(Buffer.concat(batch));
    await target.sync();
  } finally {
    await target.close();
  }
  return written;
}

/** `taken`: series; `why` the rest, if any, could not be. */
export type Taken = { taken: number; why?: string };

/**
 * Hands each series of the file to `restore`, which refuses states of another version; answers how many were taken, and
 * why not all: another version, a damaged record and all behind it, a file whose keys mean something else, or that cannot
 * be read. A file that is not there holds none.
 */
export async function readCheckpoint(
  file: string,
  keys: string,
  restore: (name: string, state: Uint8Array) => boolean,
): Promise<Taken> {
  let [taken, older] = [0, 0];
  try {
    for await (const [name, state] of recordsOf(file, magicOf(keys))) {
      if (restore(name, state)) taken++;
      else older++;
      if ((taken + older) % AT_ONCE === 0) await breath();
    }
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? { taken } : { taken, why: reasonOf(error) };
  }
  return older === 0 ? { taken } : { taken, why: `${older} series of it are of another version` };
}

/** Piece by piece, for that of 200,000 series is too large to be read at once. Throws where a record is damaged. */
async function* recordsOf(file: string, magic: Buffer): AsyncGenerator<readonly [name: string, state: Buffer]> {
  // What is read and not yet taken, and where in the file it begins.
  let bytes: Buffer = Buffer.alloc(0);
  let begin = 0;
  for await (const piece of (await open(file)).createReadStream({ highWaterMark: PIECE })) {
    bytes = Buffer.concat([bytes, piece as Buffer]);
    let at = 0;
    if (begin === 0) {
      if (bytes.length < magic.length) continue;
      if (!bytes.subarray(0, magic.length).equals(magic)) break;
      at = magic.length;
    }
    for (let end = recordEnd(bytes, at); end !== undefined; end = recordEnd(bytes, at)) {
      if (Number.isNaN(end)) throw damagedFrom(begin + at);
      const body = at + HEAD;
      const split = body + bytes.readUInt32LE(at);
      yield [bytes.toString('utf8', body, split), bytes.subarray(split, end)];
      at = end;
    }
    bytes = bytes.subarray(at);
    begin += at;
  }
  if (begin === 0) {
    const isOurs = bytes.toString('utf8', 0, BEGIN.length) === BEGIN;
    throw new Error(isOurs ? 'its series go by another key' : 'it is no file of series of this version');
  }
  if (bytes.length > 0) throw damagedFrom(begin);
}

const damagedFrom = (place: number): Error => new Error(`it is damaged from byte ${place} on`);

/** Where the record at `at` ends: undefined when there is more of it to come, NaN when it is damaged. */
function recordEnd(bytes: Buffer, at: number): number | undefined {
  if (at + HEAD > bytes.length) return undefined;
  const [name, state] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
  // Zeros, as a file may end in after a power cut, are no record of nothing.
  if (name === 0 || name > LONGEST_NAME || state > LARGEST_STATE) return Number.NaN;
  const end = at + HEAD + name + state;
  if (end > bytes.length) return undefined;
  return crc32(bytes.subarray(at + HEAD, end)) === bytes.readUInt32LE(at + 8) ? end : Number.NaN;
}

export type Keeper = {
  /** So many values were taken, or series changed. */
  changed(values: number): void;
  /** Writes what changed since the last time; never throws. False when that failed: the next time tries again. */
  save(): Promise<boolean>;
  /** All changes are on the disk. */
  readonly isSaved: boolean;
  close(): Promise<boolean>;
};

/** After a crash hardly more values than these are learned from what is stored, so as many do not wait for their time … */
const EARLY_VALUES = 5_000;
/** … but so long, for each series too, for the sake of the disk: half a megabyte a second. */
const [EARLY_MS, EARLY_MS_OF_A_SERIES] = [1_000, 25];

/** Writes a checkpoint every so often while something changes, sooner where much does, and when it is closed. */
export function keepCheckpoint(options: {
  file: string;
  keys: string;
  everyMs: number;
  states: () => Saved;
  failed: (why: unknown) => void;
  clock?: Clock;
}): Keeper {
  const { file, keys, everyMs, states, failed, clock = systemClock } = options;
  let [unsaved, onTheWay] = [0, 0];
  // Steady time from which on it may be early.
  let early = clock.steady() + EARLY_MS;
  let saving = Promise.resolve(true);
  const write = async (): Promise<boolean> => {
    const changes = unsaved;
    if (changes === 0) return true;
    unsaved = 0;
    onTheWay = changes;
    // Where it fails the next one is in its time.
    early = Number.POSITIVE_INFINITY;
    try {
      const written = await writeCheckpoint(file, keys, states());
      early = clock.steady() + Math.max(EARLY_MS, EARLY_MS_OF_A_SERIES * written);
      return true;
    } catch (why) {
      unsaved += changes;
      failed(why);
      return false;
    } finally {
      onTheWay = 0;
    }
  };
  const save = (): Promise<boolean> => {
    saving = saving.then(write);
    return saving;
  };
  const timer = setInterval(save, everyMs).unref();
  return {
    changed(values) {
      unsaved += values;
      if (unsaved < EARLY_VALUES || clock.steady() < early) return;
      early = Number.POSITIVE_INFINITY;
      void save();
    },
    save,
    get isSaved() {
      return unsaved + onTheWay === 0;
    },
    close() {
      clearInterval(timer);
      return save();
    },
  };
}
