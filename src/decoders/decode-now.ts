// Decode now: what somebody pastes into a dialog, decoded at once, with the decoder and the reason of a refusal.
import { fromHex, toHex } from '../kernel/bytes.ts';
import { unmistakableMacOf } from '../reading/mac.ts';
import { isRaw } from '../reading/raw.ts';
import type { Reading } from '../reading/reading.ts';
import { unitOf } from '../reading/units.ts';
import { jsonOf, type Sorted, textOf } from './members.ts';

/** One line of an answer: what came out of a frame, in words. */
export type Shown = { says: string; decoder?: string; model?: string; device?: string } & (
  | { ok: true }
  /** The reason stands in `says`. */
  | { ok: false }
);

export function shownOf({ readings, refused }: Sorted): Shown[] {
  return [...readings.map(shownReading), ...refused.map(({ reason }): Shown => ({ ok: false, says: reason }))];
}

function shownReading({ deviceId, telemetry, metadata }: Reading): Shown {
  const values = Object.entries(telemetry).map(([metric, value]) =>
    [metric, String(value), unitOf(metric)].filter(part => part !== undefined).join(' '),
  );
  const absent = Object.entries(metadata.quality ?? {}).map(([metric, why]) => `${metric} is absent: ${why}`);
  const model = metadata['model'];
  return {
    ok: true,
    says: [...values, ...absent].join(', ') || 'recognised; it gives no values',
    device: deviceId,
    ...(metadata.parser === undefined ? {} : { decoder: metadata.parser }),
    ...(typeof model === 'string' ? { model } : {}),
  };
}

export type LastFrames = {
  /** To be called with every payload; an array is a batch of members. */
  keep(payload: unknown): void;
  /** The last ones as text to be pasted, newest first. */
  list(): string[];
};

const KEPT = 5;
const LONGEST = 64 * 1024;

export function lastFrames(): LastFrames {
  let kept: readonly unknown[] = [];
  return {
    keep(payload) {
      const members: readonly unknown[] = Array.isArray(payload) ? payload.slice(-KEPT) : [payload];
      kept = [...kept, ...members].slice(-KEPT);
    },
    list: () =>
      kept
        .map(pasted)
        .filter(text => text !== undefined)
        .reverse(),
  };
}

function pasted(member: unknown): string | undefined {
  const content = isRaw(member) ? member.bytes : member;
  const text =
    content instanceof Uint8Array ? pastedBytes(content) : typeof content === 'string' ? content : textOf(content);
  return text !== undefined && text.length <= LONGEST ? text : undefined;
}

function pastedBytes(bytes: Uint8Array): string {
  return jsonOf(bytes) === undefined ? toHex(bytes) : Buffer.from(bytes).toString();
}

/** What was pasted: JSON as it is, else the bytes of hex, with the device's address before them where one stands there. */
export function readPasted(text: string): { json: unknown } | { bytes: Uint8Array; address?: string } | undefined {
  const json = jsonOf(text);
  if (typeof json === 'object' && json !== null) return { json };
  // Digits alone, or with dashes, may be bytes as well.
  const [, first = '', rest = ''] = /^\s*(\S*[:._x]\S*)\s+(\S[\s\S]*)$/i.exec(text) ?? [];
  const address = unmistakableMacOf(first);
  const bytes = fromHex(address === undefined ? text : rest);
  return bytes && { bytes, ...(address === undefined ? {} : { address }) };
}
