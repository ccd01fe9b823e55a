// Tar archives (POSIX ustar), written and read as streams: every tar program opens them.
import { Buffer } from 'node:buffer';
import { reasonOf } from '../kernel/fault.ts';

/** Files over 100 characters are split between name and prefix (IEEE Std 1003.1, pax, "ustar Interchange Format"). */
const BLOCK = 512;
const NAME = 100;
const PREFIX = 155;
/** Kind of a member; both stand for a file. */
const TYPE = 156;
const REGULAR: readonly number[] = [0, 0x30];

export type Head = { path: string; size: number };

/** The header block of one file. Throws a RangeError for what ustar cannot hold. */
export function headerOf({ path, size }: Head, mtimeMs: number): Buffer {
  const { name, prefix } = placed(path);
  if (size >= 8 ** 11) throw new RangeError(`${path}: expected less than 8 GiB, got ${size} bytes`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;
  block.write(name, 0, 'utf8');
  block.write(octal(0o600, 8), 100);
  block.write(octal(0, 8) + octal(0, 8), 108);
  block.write(octal(size, 12), 124);
  block.write(octal(Math.floor(mtimeMs / 1000), 12), 136);
  // The checksum is that of the block with blanks in its place.
  block.write('        0', 148);
  block.write('ustar\x0000', 257);
  block.write(prefix, 345, 'utf8');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function placed(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= NAME) return { name: path, prefix: '' };
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (Buffer.byteLength(name) > NAME) break;
    if (Buffer.byteLength(prefix) <= PREFIX) return { name, prefix };
  }
  throw new RangeError(`${path}: expected a path that fits into a tar header, got ${Buffer.byteLength(path)} bytes`);
}

/** Zeros that fill the last block of a file. */
export function paddingOf(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** Two blocks of zeros end an archive. */
export const END = Buffer.alloc(2 * BLOCK);

export type Member = Head & {
  /** The bytes, once, in pieces: all of them are to be read, or none (then they are skipped). */
  chunks(): AsyncGenerator<Buffer>;
};

/** The files of an archive, in order. Throws an Error that names the place where it is no tar, cannot be read, or ends. */
export async function* membersIn(input: AsyncIterable<Buffer>): AsyncGenerator<Member> {
  const source = input[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  let place = 'at its beginning';
  /** Up to `most` bytes; none at the end. */
  async function some(most: number): Promise<Buffer> {
    while (rest.length === 0) {
      const next = await source.next().catch((error: unknown) => {
        throw new Error(`${reasonOf(error)} ${place}`);
      });
      if (next.done) return rest;
      rest = next.value;
    }
    const piece = rest.subarray(0, most);
    rest = rest.subarray(piece.length);
    return piece;
  }
  async function* exactly(size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0; ) {
      const piece = await some(left);
      if (piece.length === 0) throw new Error(`an end ${place}`);
      left -= piece.length;
      yield piece;
    }
  }
  async function whole(size: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of exactly(size)) pieces.push(piece);
    return Buffer.concat(pieces);
  }
  for (;;) {
    const block = await whole(BLOCK);
    if (block.every(byte => byte === 0)) break;
    const head = headIn(block, place);
    place = `in ${head.path}`;
    const left = exactly(head.size);
    yield { ...head, chunks: () => left };
    while (!(await left.next()).done);
    await whole(paddingOf(head.size).length);
    place = `after ${head.path}`;
  }
  // What it was packed with has its own sum at the end.
  do rest = Buffer.alloc(0);
  while ((await some(1)).length > 0);
}

function headIn(block: Buffer, place: string): Head {
  const text = (at: number, length: number): string => {
    const field = block.subarray(at, at + length);
    const end = field.indexOf(0);
    return field.toString('utf8', 0, end === -1 ? length : end);
  };
  const octal = (at: number, length: number): number => Number.parseInt(text(at, length).trim() || '0', 8);
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (text(257, 5) !== 'ustar' || octal(148, 8) !== sum) throw new Error(`no archive of fieldline backup ${place}`);
  const prefix = text(345, PREFIX);
  const path = prefix === '' ? text(0, NAME) : `${prefix}/${text(0, NAME)}`;
  if (!REGULAR.includes(block[TYPE]!)) throw new Error(`${path}, which is no file but a link, a device or the like`);
  return { path, size: octal(124, 12) };
}
