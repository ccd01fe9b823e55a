// Text of a CSV in the encodings that spreadsheets write: UTF-8, UTF-16, and Windows-1252 where a line is no UTF-8.
import { isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import { wrongUse } from './subcommand.ts';

const [LF, CR] = [10, 13];
/** By so many bytes it is known what kind of file it is. */
const FIRST = 8;
/** Without the end of a line no more is held back. */
const MOST = 1024 * 1024;

/** Pieces of the text; `foreign` is called once, where a line is no UTF-8, with its number counted from 1. */
export async function* textOf(
  input: AsyncIterable<string | Uint8Array>,
  foreign: (line: number) => void,
): AsyncGenerator<string> {
  const western = new TextDecoder('windows-1252');
  let utf16: TextDecoder | undefined;
  let rest: Buffer = Buffer.alloc(0);
  let isBegun = false;
  let lines = 0;
  let isTold = false;
  // By which byte lines end: known when the first of them are read.
  let ending: number | undefined;

  const lineOf = (bytes: Buffer): string => {
    lines++;
    if (isUtf8(bytes)) return bytes.toString();
    if (!isTold) foreign(lines);
    isTold = true;
    return western.decode(bytes);
  };
  const read = (bytes: Buffer): string => {
    if (utf16 !== undefined) return utf16.decode(bytes, { stream: true });
    ending ??= bytes.includes(LF) ? LF : CR;
    const texts: string[] = [];
    for (let at = 0, end = 0; at < bytes.length; at = end) {
      const found = bytes.indexOf(ending, at);
      end = found < 0 ? bytes.length : found + 1;
      texts.push(lineOf(bytes.subarray(at, end)));
    }
    return texts.join('');
  };

  for await (const chunk of input) {
    rest = Buffer.concat([rest, typeof chunk === 'string' ? Buffer.from(chunk) : chunk]);
    if (!isBegun && rest.length < FIRST) continue;
    if (!isBegun) utf16 = utf16Of(rest);
    isBegun = true;
    const whole = utf16 === undefined ? wholeOf(rest, ending) : rest.length;
    if (whole > 0) yield read(rest.subarray(0, whole));
    rest = rest.subarray(whole);
  }
  if (!isBegun) utf16 = utf16Of(rest);
  if (rest.length > 0) yield read(rest);
}

/** So many of the bytes are whole lines; where more than may be held back have no end, whole characters. */
function wholeOf(bytes: Buffer, ending = LF): number {
  const lines = bytes.lastIndexOf(ending) + 1;
  if (lines > 0 || bytes.length < MOST) return lines;
  const others = ending === LF ? bytes.lastIndexOf(CR) + 1 : 0;
  if (others > 0) return others;
  // In UTF-8 a character begins with any byte but 10xxxxxx, and has four at most.
  const begin = bytes.subarray(-4).findLastIndex(byte => (byte & 0xc0) !== 0x80);
  return begin < 0 ? bytes.length : bytes.length - Math.min(4, bytes.length) + begin;
}

/** Where lines end by a carriage return alone, by a line feed instead, as all others. */
export async function* withLineFeeds(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let isBare: boolean | undefined;
  for await (const text of texts) {
    if (text.includes('\n')) isBare ??= false;
    else if (/\r./s.test(text)) isBare ??= true;
    yield isBare === true ? text.replaceAll('\r', '\n') : text;
  }
}

/** Files that are no text, by their first bytes. */
const FORMATS: readonly (readonly [begins: readonly number[], says: string])[] = [
  [[0x1f, 0x8b], 'a file compressed by gzip: gunzip it first'],
  [[0x50, 0x4b, 3, 4], 'a zip file, perhaps a spreadsheet (xlsx, ods): save it as CSV'],
  [[0xd0, 0xcf, 0x11, 0xe0], 'a spreadsheet (xls): save it as CSV'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'a file compressed by xz: unxz it first'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'a file compressed by zstd: unzstd it first'],
  [[0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59], 'a file compressed by bzip2: bunzip2 it first'],
];

/** By the first bytes; refuses what is no text. */
function utf16Of(bytes: Buffer): TextDecoder | undefined {
  const format = FORMATS.find(([begins]) => begins.every((byte, at) => bytes[at] === byte));
  if (format !== undefined) throw wrongUse('input', 'text', format[1]);
  const [first, second, third, fourth] = bytes;
  if (third !== 0 || fourth !== 0) {
    // Without its mark too: every other byte of what stands in a header is 0.
    const isBare = (one: number | undefined, other: number | undefined) => one === 0 && other !== 0;
    if ((first === 0xff && second === 0xfe) || (isBare(second, first) && isBare(fourth, third)))
      return new TextDecoder('utf-16le');
    if ((first === 0xfe && second === 0xff) || (isBare(first, second) && isBare(third, fourth)))
      return new TextDecoder('utf-16be');
  }
  // In later lines they are what a logger leaves behind that lost its power.
  const end = bytes.findIndex(byte => byte === LF || byte === CR);
  if (bytes.subarray(0, end < 0 ? bytes.length : end).includes(0))
    throw wrongUse('input', 'text', 'bytes that are 0: no text, or UTF-32');
  return undefined;
}
