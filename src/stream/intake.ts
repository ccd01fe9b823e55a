// Intake: reads a message's payload (raw messages of ours, or what stock nodes give) with a normalizer, one or a batch.
import { reasonOf } from '../kernel/fault.ts';
import { noteFate } from '../kernel/ledger.ts';
import { noteDecoded } from '../reading/letter-watch.ts';
import { isRaw, type Raw } from '../reading/raw.ts';
import { isReading, type Reading } from '../reading/reading.ts';
import type { Normalized, Reject } from './normalize.ts';

export type Intake = {
  batch: boolean;
  readings: readonly Reading[];
  rejected: readonly Reject[];
  /** Members of the payload that something was rejected of, as they came. */
  refused: readonly unknown[];
};

/** Never throws: what cannot be read at all is rejected. `now`: milliseconds, for what has no time of receipt. */
export function intake(payload: unknown, topic: string, now: number, normalize: (raw: Raw) => Normalized): Intake {
  const batch = isBatch(payload);
  const members = batch ? payload : [payload];
  const results = members.map((member): Normalized => {
    if (isFinished(member)) return { readings: [member], rejected: [] };
    try {
      return entered(normalize(rawOf(member, topic, now)), isRaw(member) ? member.entry : undefined);
    } catch (error) {
      return { readings: [], rejected: [{ kind: 'not JSON', reason: reasonOf(error) }] };
    }
  });
  return {
    batch,
    readings: results.flatMap(({ readings }) => readings),
    rejected: results.flatMap(({ rejected }) => rejected),
    refused: members.filter((_member, at) => results[at]?.rejected.length !== 0),
  };
}

/** What is made of a message keeps its entry in the ledger; what is rejected of it ends here. */
function entered(normalized: Normalized, entry: string | undefined): Normalized {
  if (entry === undefined) return normalized;
  for (const { metadata } of normalized.readings) metadata.entry = entry;
  noteDecoded(entry, normalized.readings.length, normalized.rejected[0]?.reason);
  if (normalized.rejected.length > 0) noteFate(entry, 'dropped');
  return normalized;
}

/** A reading that the gateway made has a digest; JSON of the same shape from a stock node is still to be read. */
function isFinished(value: unknown): value is Reading {
  return isReading(value) && typeof value.metadata.digest === 'string';
}

/** JSON that a stock node has parsed into an array is one message; an array of ours is a batch. */
export function isBatch(payload: unknown): payload is readonly unknown[] {
  if (!Array.isArray(payload)) return false;
  const ours = (one: unknown) => isRaw(one) || isFinished(one) || one instanceof Uint8Array;
  return payload.length === 0 || payload.some(ours);
}

/** Text, buffer or parsed JSON as the raw message it was. Throws for what JSON cannot hold (a ring). */
export function rawOf(payload: unknown, topic: string, receivedAt: number): Raw {
  if (isRaw(payload)) return payload;
  const text = typeof payload === 'string' ? payload : (JSON.stringify(payload) ?? '');
  const bytes = payload instanceof Uint8Array ? payload : Buffer.from(text);
  return { topic, bytes, receivedAt, source: 'flow', protocol: 'mqtt' };
}
