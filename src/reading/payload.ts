// Payload: JSON as it came, made harmless, and read field by field: a number is finite, or absent with a reason.
import { isUtf8 } from 'node:buffer';
import { expected } from '../kernel/fault.ts';
import { unmistakableMacOf } from './mac.ts';
import type { Metadata, Protocol, Value } from './reading.ts';

/** A parsed JSON object that belongs to the reader. A field set to `undefined` has been used. */
export type Json = Record<string, unknown>;

/** A reading in the making: the mapper fills it, normalize adds time, digest and origin. */
export type Draft = {
  deviceId: string | undefined;
  protocol: Protocol | undefined;
  /** What the device says the time is, in any form. */
  time: unknown;
  telemetry: Record<string, Value>;
  metadata: Metadata;
};

/** One wire format: fills the draft and answers the reason when the payload cannot be one of its messages. */
export type Mapper = (payload: Json, draft: Draft, topic: string) => string | undefined;

export const limits = { depth: 32, nameLength: 128, textLength: 2048, deviceLength: 200 } as const;

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Python writes NaN and Infinity bare; each becomes a text, so that the field is absent with a reason and the rest is kept.
// The string alternative always ends (at a quote or at the end of the text), so the time is linear for any input.
const BARE_NUMBER = /"(?:[^"\\]|\\[\s\S]?)*(?:"|$)|-?\b(?:NaN|Infinity)\b/g;

/** Parsed JSON, or undefined when the text is none (JSON itself never gives undefined). */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    if (!/NaN|Infinity/.test(text)) return undefined;
  }
  try {
    return JSON.parse(text.replace(BARE_NUMBER, found => (found.startsWith('"') ? found : `"${found}"`)));
  } catch {
    return undefined;
  }
}

/** Text that every database stores: no NUL, no lone surrogate. */
export function cleanText(text: string): string {
  return (text.includes('\0') ? text.replaceAll('\0', '') : text).toWellFormed();
}

/** Is the value nested at most `limits.depth` levels deep? */
export function shallowEnough(value: unknown, left: number = limits.depth): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (left === 0) return false;
  for (const member of Object.values(value))
    if (typeof member === 'object' && !shallowEnough(member, left - 1)) return false;
  return true;
}

/** From here on the walk over a text costs less than what it may spare. */
const LONG_TEXT = 65_536;

const [QUOTE, BACKSLASH] = [0x22, 0x5c];

/** Is a long text of JSON nested deeper than that? Told before it is parsed, which takes 100 ms for a megabyte of brackets. */
export function deepText(text: string, levels: number = limits.depth): boolean {
  if (text.length < LONG_TEXT) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const sign = text.charCodeAt(at);
    if (sign === QUOTE) {
      // What is escaped ends no text.
      for (at++; at < text.length && text.charCodeAt(at) !== QUOTE; at++) if (text.charCodeAt(at) === BACKSLASH) at++;
    } else if (sign === 0x5b || sign === 0x7b) {
      if (++depth > levels) return true;
    } else if (sign === 0x5d || sign === 0x7d) depth--;
  }
  return false;
}

/**
 * Makes parsed JSON harmless in place: no `__proto__` key, and only text that can be stored. Both can come only from a
 * text that names the key or has `\u` escapes, so every other message is spared the walk.
 */
export function tame(value: unknown, text: string): unknown {
  return text.includes('\\u') || text.includes('__proto__') ? scrub(value) : value;
}

const BAD_ESCAPE = /\\u(?:0000|[dD][89a-fA-F])/;

/** What of the text of a JSON message cannot be stored as it came, and what stands for it; undefined where all can. */
export function textDamage(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return 'bytes that are no UTF-8: U+FFFD stands for them';
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!buffer.includes('\\u')) return undefined;
  const text = buffer.toString();
  const bad = BAD_ESCAPE.test(text) && holds(parseJson(text), found => typeof found === 'string' && isBadText(found));
  return bad ? 'half surrogate pairs or U+0000: U+FFFD or nothing stands for them' : undefined;
}

export function isBadText(text: string): boolean {
  return text.includes('\0') || !text.isWellFormed();
}

/** Is there a key or a value within parsed JSON of which `test` is true? */
export function holds(value: unknown, test: (found: unknown) => boolean): boolean {
  if (typeof value !== 'object' || value === null) return test(value);
  return Object.entries(value).some(([key, member]) => test(key) || holds(member, test));
}

function scrub(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (Array.isArray(value)) return value.map(scrub);
  if (!isJson(value)) return value;
  const entries = Object.entries(value).map(([key, member]): [string, unknown] => [cleanText(key), scrub(member)]);
  return Object.fromEntries(entries.filter(([key]) => key !== '__proto__'));
}

/** A decimal number as text, without blanks around it. Digits can be read in one way alone, so the time is linear. */
export const NUMERIC = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;

/** Nothing that is measured is larger; a sum or an average over larger ones is an error in every database. */
const LARGEST = 1e100;

/** Is it a number that can be a measurement? */
export function isMeasurable(number: number): boolean {
  return number >= -LARGEST && number <= LARGEST;
}

/** A number of a measurement, also from numeric text (`"230.5"`); undefined for everything else. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return isMeasurable(value) ? value : undefined;
  if (typeof value !== 'string' || value.length > 40) return undefined;
  const text = value.trim();
  if (!NUMERIC.test(text)) return undefined;
  const number = Number(text);
  return isMeasurable(number) ? number : undefined;
}

/** Why `value` is no number of a measurement: it is none at all, or lies beyond all that can be measured. */
export function noNumber(where: string, value: unknown): string {
  const isNumber = typeof value === 'string' ? NUMERIC.test(value.trim()) : typeof value === 'number';
  // JSON has no word for infinity: "got null" of a device that has sent 1e999 would lead astray.
  const got = typeof value === 'number' ? String(value) : value;
  return expected(where, isNumber ? `a number from ${-LARGEST} to ${LARGEST}` : 'a number', got);
}

/** Trimmed text of bounded length, or undefined when nothing is left of it. Numbers count: device names such as 42. */
export function textOf(value: unknown, length: number = limits.textLength): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = String(value).trim().slice(0, length);
  return text === '' ? undefined : text.toWellFormed();
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
const CONTROL = /[\u0000-\u001f\u007f]/g;

/** A device's name as it is stored: no control characters, trimmed, at most 200 characters. */
export function deviceName(value: unknown): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) return undefined;
  return textOf(typeof value === 'string' ? value.replace(CONTROL, '') : value, limits.deviceLength);
}

/** A Bluetooth address in the one form that is stored (upper case, colons); any other name stays as it is. */
export function bluetoothName(name: string | undefined): string | undefined {
  return name === undefined ? undefined : (unmistakableMacOf(name) ?? name);
}

/** Records why a metric is absent. */
export function absent(draft: Draft, metric: string, reason: string): void {
  draft.metadata.quality ??= {};
  draft.metadata.quality[metric] = reason;
}

/** Puts a number into the telemetry; what is none is absent with a reason. `undefined` (no such field) is nothing. */
export function putNumber(draft: Draft, metric: string, value: unknown): void {
  if (value === undefined) return;
  const number = numberOf(value);
  if (number === undefined) absent(draft, metric, noNumber(metric, value));
  else draft.telemetry[metric] = number;
}

/** Keeps a field that nobody knows. */
export function putExtra(draft: Draft, field: string, value: unknown): void {
  if (value === undefined || field === '__proto__') return;
  draft.metadata.extra ??= {};
  draft.metadata.extra[field] = value;
}

/** Keeps every field that is not known. */
export function keepExtra(draft: Draft, payload: Json, known: ReadonlySet<string>): void {
  for (const field in payload) if (!known.has(field)) putExtra(draft, field, payload[field]);
}
