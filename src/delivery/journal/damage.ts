// Damage that SQLite does not mend or tell by itself: a write-ahead log broken in its middle, a file cut short, a first page overwritten.
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { endianness } from 'node:os';
import { DatabaseSync } from 'node:sqlite';

// https://sqlite.org/fileformat2.html §4.1: the log's header, then frames of 24 bytes and a page each.
const LOG_HEADER = 32;
const FRAME_HEADER = 24;
const MAGIC = 0x377f0682;
const PAGE = 4096;
/** Before the list of the tables on the first page. */
const FILE_HEADER = 100;

/** There while the tables of a file may not fit together: what is whole of a damaged log was written into it. */
export const mending = (file: string): string => `${file}-mending`;

/**
 * SQLite reads the write-ahead log of a file up to the first frame that is wrong, and says nothing of those behind; where
 * the file is empty or gone it deletes the log unread. Here what is whole is written into the file, which nobody has open,
 * and the log is kept aside. A torn end, as a crash leaves it, is no damage. Returns in words what is lost; where `mending`
 * is there then, the file has to be salvaged.
 */
export function logLoss(file: string, now: number): string | undefined {
  const log = `${file}-wal`;
  const bytes = bytesOf(log);
  if (bytes.length < LOG_HEADER + FRAME_HEADER) return undefined;
  const found = framesIn(bytes);
  const isEmpty = !existsSync(file) || statSync(file).size === 0;
  if (found?.broken === 0 && (!isEmpty || found.whole.length === 0)) return undefined;
  const aside = `${log}.damaged-${now}`;
  const says = (what: string): string => `${log} was damaged: ${what} lost, the damaged file is kept as ${aside}`;
  copyFileSync(log, aside);
  if (found === undefined) return says('an unknown number of commits');
  closeSync(openSync(mending(file), 'w', 0o600));
  const handle = openSync(file, isEmpty ? 'w' : 'r+', 0o600);
  for (const { at, page } of found.whole) writeSync(handle, bytes, at + FRAME_HEADER, PAGE, (page - 1) * PAGE);
  fsyncSync(handle);
  closeSync(handle);
  rmSync(log);
  if (found.broken === 0)
    return `${file} was empty: what its write-ahead log holds is saved, which is kept as ${aside}`;
  return says(`${found.broken} of ${found.broken + found.whole.length} parts`);
}

/** Whether the log of a file that nobody has open is broken in its middle; nothing is changed. */
export function isLogBroken(file: string): boolean {
  const bytes = bytesOf(`${file}-wal`);
  return bytes.length >= LOG_HEADER + FRAME_HEADER && framesIn(bytes)?.broken !== 0;
}

const bytesOf = (log: string): Uint8Array => (existsSync(log) ? readFileSync(log) : new Uint8Array());
const framesIn = ({ buffer, byteOffset, byteLength }: Uint8Array): Frames | undefined =>
  framesOf(new DataView(buffer, byteOffset, byteLength));

type Frames = { whole: { at: number; page: number }[]; broken: number };

/**
 * Whole frames up to the last commit that is whole; undefined where nothing can be told. `broken` counts the log's header, too.
 * Each frame carries its checksum, which goes on from that of the frame before it: so those behind a damage can be told
 * to be right.
 */
function framesOf(log: DataView): Frames | undefined {
  const frame = FRAME_HEADER + PAGE;
  const isHeader = (log.getUint32(0) & ~1) === MAGIC;
  const littleEndian = isHeader ? log.getUint32(0) === MAGIC : endianness() === 'LE';
  function isRight(sumAt: number, seedAt: number | undefined, parts: readonly [from: number, to: number][]): boolean {
    let [first, second] = seedAt === undefined ? [0, 0] : [log.getUint32(seedAt), log.getUint32(seedAt + 4)];
    for (const [from, to] of parts)
      for (let at = from; at < to; at += 8) {
        first = (first + log.getUint32(at, littleEndian) + second) >>> 0;
        second = (second + log.getUint32(at + 4, littleEndian) + first) >>> 0;
      }
    return log.getUint32(sumAt) === first && log.getUint32(sumAt + 4) === second;
  }
  const isHeaderRight = isHeader && isRight(24, undefined, [[0, 24]]);
  // Each frame repeats the salts of its round; of an earlier round frames may lie behind those of this one.
  const salts = isHeaderRight ? 16 : LOG_HEADER + frame + 8;
  if (salts + 8 > log.byteLength) return undefined;
  const frames: { at: number; page: number; isWhole: boolean }[] = [];
  let commits = 0;
  let commitsBefore = 0;
  let commitsBehind = isHeaderRight ? 0 : 2;
  let isBroken = false;
  for (let at = LOG_HEADER, sumAt = 24; at + frame <= log.byteLength; sumAt = at + 16, at += frame) {
    const ofThisRound = [0, 4].every(word => log.getUint32(at + 8 + word) === log.getUint32(salts + word));
    const parts: [number, number][] = [
      [at, at + 8],
      [at + FRAME_HEADER, at + frame],
    ];
    const isWhole = ofThisRound && isRight(at + 16, sumAt, parts);
    frames.push({ at, page: log.getUint32(at), isWhole });
    isBroken ||= !isWhole;
    if (!isWhole || log.getUint32(at + 4) === 0) continue;
    commits = frames.length;
    if (isBroken) commitsBehind++;
    else commitsBefore = commits;
  }
  if (commits === 0 && !isHeaderRight) return undefined;
  // A power cut may have kept the end of the one commit that was not on the disk yet, and not its begin: it never was.
  if (commitsBehind <= 1) return { whole: frames.slice(0, commitsBefore), broken: 0 };
  const whole = frames.slice(0, commits).filter(({ isWhole }) => isWhole);
  return { whole, broken: commits - whole.length + (isHeaderRight ? 0 : 1) };
}

/**
 * Makes a damaged file readable as far as that can be, and gives the file to be read: what is missing at its end becomes
 * empty pages, which SQLite passes over; a first page that leads to no tables is taken, in a copy to be removed, from a
 * `sound` file of the same tables, in which it is the same but for its header.
 */
export function mended(file: string, sound: string): { file: string; remove(): void } {
  const first = pageOf(file);
  const isSound = hasTables(file);
  const readable = isSound ? file : `${file}-mended`;
  const remove = (): void => {
    // A log that an earlier attempt has left would be read with the file.
    if (!isSound) for (const suffix of ['', '-wal', '-shm']) rmSync(readable + suffix, { force: true });
  };
  remove();
  if (!isSound) {
    copyFileSync(file, readable);
    const isHeader = first.toString('latin1', 0, 15) === 'SQLite format 3';
    pageOf(sound).copy(first, isHeader ? FILE_HEADER : 0, isHeader ? FILE_HEADER : 0);
    if (!isHeader) first.writeUInt32BE(Math.ceil(statSync(file).size / PAGE), 28);
  }
  const handle = openSync(readable, 'r+');
  writeSync(handle, first, 0, PAGE, 0);
  const whole = first.readUInt32BE(28) * PAGE;
  const { size } = statSync(file);
  // A length that was overwritten must not fill the disk.
  if (size < whole && whole < 64 * size + PAGE) ftruncateSync(handle, whole);
  closeSync(handle);
  return { file: readable, remove };
}

/** Whether the first page leads to the tables, whatever became of those. */
function hasTables(file: string): boolean {
  const db = new DatabaseSync(file);
  try {
    return db.prepare("select 1 from sqlite_schema where name in ('entry', 'pending', 'reader')").all().length === 3;
  } catch {
    return false;
  } finally {
    db.close();
  }
}

/** The first page; zeros where the file is shorter. */
function pageOf(file: string): Buffer {
  const page = Buffer.alloc(PAGE);
  const handle = openSync(file, 'r');
  readSync(handle, page, 0, PAGE, 0);
  closeSync(handle);
  return page;
}
