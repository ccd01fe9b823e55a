// Damage that SQLite does not mend or tell by itself: a write-ahead log broken in its middle, a file cut short, a first page overwritten.
import {
  closeSync,
  copyFileSync,
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';

// https://sqlite.org/fileformat2.html §4.1: the log's header, then frames of 24 bytes and a page each.
const LOG_HEADER = 32;
const FRAME_HEADER = 24;
const MAGIC = 0x377f0682;

/**
 * What is lost with the write-ahead log of a file that nobody has open: SQLite reads it up to the first frame that is
 * wrong and says nothing of those behind. The log is kept aside then. A torn end, as a crash leaves it, is no loss.
 */
export function logLoss(file: string, now: number): string | undefined {
  const log = `${file}-wal`;
  const bytes = existsSync(log) ? readFileSync(log) : new Uint8Array();
  if (bytes.length < LOG_HEADER + FRAME_HEADER) return undefined;
  const lost = lostCommits(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (lost === 0) return undefined;
  const aside = `${log}.damaged-${now}`;
  copyFileSync(log, aside);
  return `${log} was damaged: ${lost ?? 'an unknown number of'} commits lost, the damaged file is kept as ${aside}`;
}

/** Commits behind the first frame that is wrong; undefined where nothing can be told from the header. */
function lostCommits(log: DataView): number | undefined {
  const littleEndian = log.getUint32(0) === MAGIC;
  const sums: [number, number] = [0, 0];
  const add = (from: number, to: number): void => {
    let [first, second] = sums;
    for (let at = from; at < to; at += 8) {
      first = (first + log.getUint32(at, littleEndian) + second) >>> 0;
      second = (second + log.getUint32(at + 4, littleEndian) + first) >>> 0;
    }
    sums[0] = first;
    sums[1] = second;
  };
  const isRight = (at: number): boolean => log.getUint32(at) === sums[0] && log.getUint32(at + 4) === sums[1];
  add(0, 24);
  if ((log.getUint32(0) & ~1) !== MAGIC || !isRight(24)) return undefined;
  const frame = FRAME_HEADER + log.getUint32(8);
  let broken = false;
  let lost = 0;
  for (let at = LOG_HEADER; at + frame <= log.byteLength; at += frame) {
    // Frames of an earlier round of the log lie behind those of this one, with other salts.
    const ofThisRound = log.getUint32(at + 8) === log.getUint32(16) && log.getUint32(at + 12) === log.getUint32(20);
    if (!broken) {
      add(at, at + 8);
      add(at + FRAME_HEADER, at + frame);
      if (ofThisRound && isRight(at + 16)) continue;
      broken = true;
      // Its own salts may be what was overwritten.
      continue;
    }
    if (ofThisRound && log.getUint32(at + 4) !== 0) lost++;
  }
  return lost;
}

const PAGE = 4096;

/**
 * Makes a damaged file readable as far as that can be, and gives the file to be read: what is missing at its end becomes
 * empty pages, which SQLite passes over; a first page that is none is taken, in a copy to be removed, from a `sound` file
 * of the same tables, in which it is the same.
 */
export function mended(file: string, sound: string): { file: string; remove(): void } {
  const first = pageOf(file);
  const isSound = first.toString('latin1', 0, 15) === 'SQLite format 3';
  const readable = isSound ? file : `${file}-mended`;
  if (!isSound) {
    copyFileSync(file, readable);
    pageOf(sound).copy(first);
    first.writeUInt32BE(Math.ceil(statSync(file).size / PAGE), 28);
  }
  const handle = openSync(readable, 'r+');
  writeSync(handle, first, 0, PAGE, 0);
  const whole = first.readUInt32BE(28) * PAGE;
  const { size } = statSync(file);
  // A length that was overwritten must not fill the disk.
  if (size < whole && whole < 64 * size + PAGE) ftruncateSync(handle, whole);
  closeSync(handle);
  return { file: readable, remove: () => (isSound ? undefined : rmSync(readable)) };
}

/** The first page; zeros where the file is shorter. */
function pageOf(file: string): Buffer {
  const page = Buffer.alloc(PAGE);
  const handle = openSync(file, 'r');
  readSync(handle, page, 0, PAGE, 0);
  closeSync(handle);
  return page;
}
