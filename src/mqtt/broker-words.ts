// What the broker's process and the gateway say to each other, and how a page of messages is packed for the way.
import type { FaultCode, FaultKind } from '../kernel/fault.ts';
import type { Labels } from '../kernel/metrics.ts';
import type { TopicFilter } from './audience.ts';
import type { BrokerState } from './broker.ts';
import type { Delivered } from './consumers.ts';

/** Consumers are numbered by the gateway. */
export type ToBroker =
  | { register: number; name: string; filters: readonly TopicFilter[]; expirySeconds: number }
  | { pull: number; window: number }
  | { ack: number; seqs: readonly number[] }
  | { pause: number }
  | { resume: number }
  | { stop: number }
  | { detach: number }
  | { release: string; keepSeconds: number }
  | { login: number; right: boolean }
  | { copy: number; to: string }
  | { close: true };

export type FromBroker =
  | { registered: number; lastSeq: number }
  | { refused: number; code: FaultCode; kind: FaultKind; reason: string }
  | { takenOver: number }
  | { page: number; messages: Page }
  | { full: number; is: boolean }
  | { login: number; user: string; password: string; clientId: string }
  | { copied: number; loss?: string | undefined; fault?: string }
  | { log: 'info' | 'warn' | 'error'; text: string }
  /** Sent when something of it has changed, and what was counted since the last time. */
  | { state: BrokerState; counted: readonly Counted[] };

export type Counted = { name: string; labels: Labels; by: number };

/** Columns: one large buffer crosses at a fraction of the cost of many small ones. */
export type Page = {
  seqs: readonly number[];
  topics: readonly string[];
  digests: readonly string[];
  ats: readonly number[];
  bys: readonly (string | undefined)[];
  /** Places of the messages that were sent again. */
  dups: readonly number[];
  lengths: readonly number[];
  bytes: Uint8Array;
};

/** Messages as one transferable block of bytes, and what tells them apart in it. */
export function packed(messages: readonly Delivered[]): Page {
  const lengths = messages.map(({ bytes }) => bytes.length);
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  const dups: number[] = [];
  let end = 0;
  for (const [place, message] of messages.entries()) {
    bytes.set(message.bytes, end);
    end += message.bytes.length;
    if (message.dup) dups.push(place);
  }
  return {
    seqs: messages.map(({ seq }) => seq),
    topics: messages.map(({ topic }) => topic),
    digests: messages.map(({ digest }) => digest),
    ats: messages.map(({ at }) => at),
    bys: messages.map(({ by }) => by),
    dups,
    lengths,
    bytes,
  };
}

export function unpacked({ seqs, topics, digests, ats, bys, dups, lengths, bytes }: Page): Delivered[] {
  const again = new Set(dups);
  let end = 0;
  return seqs.map((seq, place) => {
    const begin = end;
    end += lengths[place] as number;
    return {
      seq,
      topic: topics[place] as string,
      bytes: bytes.subarray(begin, end),
      digest: digests[place] as string,
      at: ats[place] as number,
      by: bys[place],
      dup: again.has(place),
    };
  });
}
