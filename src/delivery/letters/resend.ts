// Sends queued dead letters again, oldest first; each is resolved when it has settled, or waits for somebody with its new reason.
import type { Settled } from '../../kernel/ticket.ts';
import type { Query } from '../../reading/contracts.ts';
import { entryOfLetter } from '../../reading/letter.ts';
import { watchLetter } from '../../reading/letter-watch.ts';
import type { Raw } from '../../reading/raw.ts';
import { isReading, protocols, type Reading } from '../../reading/reading.ts';
import type { Letter } from './letters.ts';
import {
  keepClaim,
  LEASE_SECONDS,
  type Queued,
  releaseLetter,
  reopenLetter,
  resolveLetter,
  takeQueued,
} from './claims.ts';
import type { LetterFilter } from './filter.ts';
import { settledBy } from '../settled.ts';

/** The message of a letter as it was, or as it was put right, with the entry of the letter. Undefined when it can be neither. */
function messageOf(letter: Queued): Raw | Reading | undefined {
  const bytes = letter.fixed ?? letter.bytes;
  const entry = entryOfLetter(letter);
  // Without a topic no decoder knows what it is; somebody may have put a reading in the place of what was damaged.
  if (letter.kind === 'reading' || letter.topic === null) return readingOf(bytes, entry);
  return {
    topic: letter.topic,
    bytes,
    receivedAt: (letter.received_at ?? letter.created_at).getTime(),
    source: letter.scanner_id ?? letter.source,
    protocol: protocols.find(known => known === letter.protocol) ?? 'mqtt',
    entry,
    ...(letter.device_id === null ? {} : { deviceId: letter.device_id }),
  };
}

function readingOf(bytes: Uint8Array, entry: string): Reading | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return isReading(value) ? { ...value, metadata: { ...value.metadata, entry } } : undefined;
  } catch {
    return undefined;
  }
}

export type ResendOptions = {
  query: Query;
  /** Only these letters; others are left to other nodes. */
  filter: LetterFilter;
  /** Name under which it takes them: what one sends, no other sends meanwhile. */
  claim: string;
  /** Sends one message with a ticket and tells what became of it. */
  emit(message: Raw | Reading, letter: Queued): Promise<Settled>;
};

/** `waiting`: an outage met them; they stay queued. */
export type Resent = { resolved: number; reopened: number; waiting: number };

const AT_ONCE = 100;
const RENEW_MS = (LEASE_SECONDS * 1000) / 3;

/** One round: takes what is queued, at most 100 letters, and resolves when each has settled. Rejects when the database is away. */
export async function resendRound({ query, filter, claim, emit }: ResendOptions): Promise<Resent> {
  const resent: Resent = { resolved: 0, reopened: 0, waiting: 0 };
  const letters = await takeQueued(query, filter, claim, AT_ONCE);
  const open = new Set(letters.map(({ id }) => id));
  // While the database is away nobody else can take them either.
  const renewing = setInterval(() => keepClaim(query, claim, [...open]).catch(() => {}), RENEW_MS).unref();
  async function send(letter: Queued): Promise<void> {
    const message = messageOf(letter);
    const refusal = watchLetter(entryOfLetter(letter));
    const settled = message === undefined ? unfit(letter) : await settledBy(one => emit(one, letter), message);
    const refused = refusal();
    open.delete(letter.id);
    if (settled.ok && refused !== undefined) {
      // For a live message a decision, counted as dropped; whoever sends a letter waits for its rows.
      await reopenLetter(query, letter.id, letter.stamp, `no reading was made of it: ${refused}`);
      resent.reopened++;
    } else if (settled.ok) {
      if (await resolveLetter(query, letter.id, letter.stamp)) resent.resolved++;
      // A sink has refused it again and said why.
      else resent.reopened++;
    } else if (settled.kind === 'data') {
      await reopenLetter(query, letter.id, letter.stamp, settled.reason);
      resent.reopened++;
    } else {
      await releaseLetter(query, letter.id, claim);
      resent.waiting++;
    }
  }
  // All of them: what has not settled must not be taken again.
  const sent = await Promise.allSettled(letters.map(send));
  clearInterval(renewing);
  for (const one of sent) if (one.status === 'rejected') throw one.reason;
  return resent;
}

function unfit({ kind }: Letter): Settled {
  const what = kind === 'reading' ? 'JSON of a reading' : 'JSON of a reading, or a message with a topic';
  return { ok: false, kind: 'data', reason: `expected ${what}, so it cannot be sent; put it right or discard it` };
}
