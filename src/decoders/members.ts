// What comes over a wire to a decoder node (raw messages of ours, or what stock nodes give), sorted into readings and refusals.
import { fromHex } from '../kernel/bytes.ts';
import { noteFate } from '../kernel/ledger.ts';
import { noteDecoded } from '../reading/letter-watch.ts';
import { macOf } from '../reading/mac.ts';
import { parseJson, shallowEnough, tame } from '../reading/payload.ts';
import { isRaw } from '../reading/raw.ts';
import { isReading, type Reading } from '../reading/reading.ts';

/** `label` is one of few words, for counters. */
export type Refusal = { reason: string; label: string };
export type Refused = Refusal & { member: unknown };
export type Sorted = { batch: boolean; readings: readonly Reading[]; refused: readonly Refused[] };

const MAX_BYTES = 64 * 1024;

/**
 * An array is a batch of members, anything else one member. `decode` gives what one member holds. Readings that the
 * gateway made already pass unchanged.
 */
export function sortMembers(payload: unknown, decode: (member: unknown) => readonly (Reading | Refusal)[]): Sorted {
  const batch = Array.isArray(payload);
  const readings: Reading[] = [];
  const refused: Refused[] = [];
  for (const member of batch ? (payload as unknown[]) : [payload])
    if (isReading(member)) readings.push(member);
    else {
      const entry = isRaw(member) ? member.entry : undefined;
      for (const one of decode(member))
        if ('reason' in one) {
          noteFate(entry, 'dropped');
          noteDecoded(entry, 0, one.reason);
          refused.push({ ...one, member });
        } else {
          noteDecoded(entry, 1, undefined);
          if (entry !== undefined) one.metadata.entry = entry;
          readings.push(one);
        }
    }
  return { batch, readings, refused };
}

/**
 * Messages for the two outputs of a decoder node: a batch stays one, a single message with several readings becomes
 * several. What is refused leaves as it came, with `reason` and `reasons`.
 */
export function outputOf<M extends object>(message: M, { batch, readings, refused }: Sorted): [M[], M | undefined] {
  const payloads = batch ? (readings.length > 0 ? [readings] : []) : readings;
  const good = payloads.map(payload => ({ ...message, payload }));
  if (refused.length === 0) return [good, undefined];
  const reasons = refused.map(({ reason }) => reason);
  const payload = batch ? [...new Set(refused.map(({ member }) => member))] : refused[0]?.member;
  return [good, { ...message, payload, reason: reasons.join('; '), reasons }];
}

/** JSON of bytes or text, made harmless; undefined where it is none, too long or too deep. */
export function jsonOf(content: Uint8Array | string): unknown {
  if (content.length > MAX_BYTES) return undefined;
  const text = typeof content === 'string' ? content : Buffer.from(content).toString('utf8');
  const value = parseJson(text);
  return shallowEnough(value) ? tame(value, text) : undefined;
}

/** The text of parsed JSON, which stands for a message whose own bytes are gone; undefined for what JSON cannot hold. */
export function textOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** Device keys as an operator writes them: `AA:BB:CC:DD:EE:FF=<hex>`, separated by blanks, commas or line ends. */
export function keysOf(text: string): { keys: ReadonlyMap<string, string>; fault?: string } {
  const keys = new Map<string, string>();
  for (const entry of text.split(/[\s,;]+/).filter(part => part !== '')) {
    const [address = '', key = ''] = entry.split('=');
    // The entry itself stays out of the reason: it holds a secret.
    const mac = macOf(address);
    if (mac === undefined || fromHex(key) === undefined)
      return { keys, fault: `keys: entry ${keys.size + 1} is not <address>=<hex key>` };
    keys.set(mac.replaceAll(':', ''), key);
  }
  return { keys };
}
