// Text of a CSV in the encodings that spreadsheets write: UTF-8, UTF-16 with its mark, and Windows-1252 where a line is no UTF-8.
import { isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import { wrongUse } from './subcommand.ts';

const LF = 10;
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

  const lineOf = (bytes: Buffer): string => {
    lines++;
    if (isUtf8(bytes)) return bytes.toString();
    if (!isTold) foreign(lines);
    isTold = true;
    return western.decode(bytes);
  };
  const read = (bytes: Buffer): string => {
    if (utf16 !== undefined) return utf16.decode(bytes, { stream: true });
    const texts: string[] = [];
    for (let at = 0, end = 0; at < bytes.length; at = end) {
      const found = bytes.indexOf(LF, at);
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
    const whole = utf16 === undefined && rest.length < MOST ? rest.lastIndexOf(LF) + 1 : rest.length;
    if (whole > 0) yield read(rest.subarray(0, whole));
    rest = rest.subarray(whole);
  }
  if (rest.length > 0) yield read(rest);
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
