// Text of a CSV in the encodings that spreadsheets write: UTF-8, UTF-16 with its mark, and Windows-1252 where a line is no UTF-8.
import { isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import { wrongUse } from './subcommand.ts';

const [LF, CR] = [10, 13];
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
    if (!isBegun && rest.length < 2) continue;
    if (!isBegun) utf16 = utf16Of(rest);
    isBegun = true;
    const whole = utf16 === undefined ? wholeOf(rest, ending) : rest.length;
    if (whole > 0) yield read(rest.subarray(0, whole));
    rest = rest.subarray(whole);
  }
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

/** By the first two bytes. */
function utf16Of([first, second]: Buffer): TextDecoder | undefined {
  if (first === 0x1f && second === 0x8b) throw wrongUse('input', 'text', 'a file compressed by gzip: gunzip it first');
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le');
  return first === 0xfe && second === 0xff ? new TextDecoder('utf-16be') : undefined;
}
