// The flow of `fieldline replay`: decode, score, store, as the shipped flow does it, without Node-RED.
import { deviceScorer } from '../src/anomaly/device.ts';
import { advertsOf, RECORDED } from '../src/decoders/advert-members.ts';
import { laserOf } from '../src/decoders/laser/members.ts';
import { sortMembers } from '../src/decoders/members.ts';
import type { Registry } from '../src/decoders/registry.ts';
import { replayGuard } from '../src/decoders/replay-guard.ts';
import { batcher } from '../src/delivery/batcher.ts';
import { Fault, reasonOf } from '../src/kernel/fault.ts';
import type { Settled } from '../src/kernel/ticket.ts';
import type { Outcome } from '../src/reading/contracts.ts';
import { byKind } from '../src/reading/kinds.ts';
import { quantity } from '../src/reading/quantity.ts';
import type { Raw } from '../src/reading/raw.ts';
import type { Reading } from '../src/reading/reading.ts';
import { keepDeadLetters, type Refused } from '../src/sinks/dead-letters.ts';
import { readingSink } from '../src/sinks/readings.ts';
import { metricsOf } from '../src/sinks/rows.ts';
import type { Store } from '../src/store/store.ts';
import { intake } from '../src/stream/intake.ts';
import { normalizer } from '../src/stream/normalize.ts';

/** Readings, but for the last two. */
export type ReplayCounts = {
  /** They have become rows. */
  stored: number;
  /** Their rows were there before. */
  duplicates: number;
  /** They make no row: they tell of their device alone. */
  withoutValues: number;
  /** The database has refused them: dead letters. */
  rejected: number;
  /** Adverts, frames and messages of which nothing could be read. */
  undecoded: number;
  /** Frames of encrypted devices that somebody had recorded and sent again; the live flow refuses them, too. */
  recorded: number;
};

export type ReplayFlow = {
  /** Everything that the messages gave is committed when it settles. */
  emit(raws: readonly Raw[]): Promise<Settled>;
  readonly counts: ReplayCounts;
  close(): Promise<void>;
};

/** Name of this writer in the dead letters. */
export const REPLAY_SOURCE = 'fieldline replay';

/** `3 readings new, 0 there before, 2 messages undecoded`; what there is none of is left out, but for the first two. */
export function countedWords(counts: ReplayCounts): string {
  const { stored, duplicates, withoutValues, rejected, undecoded, recorded } = counts;
  return [
    `${quantity(stored, 'reading')} new, ${duplicates} there before`,
    withoutValues > 0 ? `${withoutValues} without values` : '',
    rejected > 0 ? `${rejected} refused by the database: dead letters` : '',
    undecoded > 0 ? `${quantity(undecoded, 'message')} undecoded` : '',
    recorded > 0 ? `${quantity(recorded, 'frame')} recorded and sent again` : '',
  ]
    .filter(words => words !== '')
    .join(', ');
}
const OK: Settled = { ok: true };

/** `registry` is asked for each batch: a user's decoder may come, change or be set aside meanwhile. `keys` as of `keysOf`. */
export function replayFlow(
  store: Pick<Store, 'query' | 'prepared' | 'bulk'>,
  registry: () => Registry,
  keys?: ReadonlyMap<string, string>,
): ReplayFlow {
  const counts: ReplayCounts = { stored: 0, duplicates: 0, withoutValues: 0, rejected: 0, undecoded: 0, recorded: 0 };
  const guard = replayGuard();
  const normalize = normalizer();
  // What is in the tables keeps its score; new rows get one, from their own past in the archive.
  const scorer = deviceScorer();
  const sink = readingSink({ query: store.prepared, bulk: store.bulk, target: REPLAY_SOURCE });
  const writes = batcher<Reading, Outcome>(rows => sink.write(rows));

  /** What a batch gives: it comes again where the database is away, and counts when it has settled. */
  function decoded(raws: readonly Raw[]) {
    const { advert, frame, message } = byKind(raws);
    const options = { registry: registry(), keys, now: Date.now() };
    const adverts = sortMembers(advert, member => advertsOf(member, { ...options, guard }));
    const frames = sortMembers(frame, member => [laserOf(member, options)]);
    const messages = intake(message, '', options.now, normalize);
    const recorded = adverts.refused.filter(({ label }) => label === RECORDED).length;
    const undecoded = adverts.refused.length - recorded + frames.refused.length + messages.rejected.length;
    return { readings: [...adverts.readings, ...frames.readings, ...messages.readings], recorded, undecoded };
  }

  async function storeAll(readings: readonly Reading[]): Promise<void> {
    const outcomes = await writes.submit(readings);
    const refused: Refused[] = [];
    let duplicates = 0;
    let withoutValues = 0;
    for (const [at, outcome] of outcomes.entries())
      if (outcome !== 'stored' && outcome !== 'duplicate')
        refused.push({ row: readings[at], topic: undefined, reason: outcome.rejected });
      else if (metricsOf(readings[at]!).length === 0) withoutValues++;
      // These are rows by now, whatever becomes of the rest.
      else if (outcome === 'stored') counts.stored++;
      else duplicates++;
    if (refused.length > 0) await keepDeadLetters(store.query, REPLAY_SOURCE, refused);
    counts.duplicates += duplicates;
    counts.withoutValues += withoutValues;
    counts.rejected += refused.length;
  }

  return {
    async emit(raws) {
      try {
        const { readings, recorded, undecoded } = decoded(raws);
        for (const reading of readings) {
          const anomaly = scorer.score(reading);
          if (anomaly !== undefined) reading.metadata.anomaly = anomaly;
        }
        if (readings.length > 0) await storeAll(readings);
        counts.recorded += recorded;
        counts.undecoded += undecoded;
        return OK;
      } catch (error) {
        return { ok: false, kind: error instanceof Fault ? error.kind : 'data', reason: reasonOf(error) };
      }
    },
    counts,
    async close() {
      await writes.close();
      await sink.close();
    },
  };
}
