// Link: one pipeline from the rows of many messages to a peer: batcher → carrier (drop, memory, disk) behind a breaker → sink.
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { Outcome } from '../reading/contracts.ts';
import { quantity } from '../reading/quantity.ts';
import { type Again, batcher, type BatcherOptions } from './batcher.ts';
import { type Breaker, type BreakerOptions, type BreakerState, breaker } from './breaker.ts';
import { type Carrier, dropCarrier, type Fate, memoryCarrier } from './carrier.ts';
import { type DiskCarrier, diskCarrier } from './disk-carrier.ts';
import { linkWords, rateMeter } from './link-status.ts';
import { bookLost, noteDamage, watchOutbox } from './lost.ts';
import { halving, type Peer } from './halving.ts';
import { type FullPolicy, type Gone, openOutbox } from './outbox/outbox.ts';
import type { RowCodec } from './outbox/batch.ts';
import { suspecting } from './suspect.ts';

export type DiskPolicy = { kind: 'disk'; file: string; maxBytes: number; maxAgeMs: number; full: FullPolicy };
/** `left`: where rows may lie from before, when the policy was another one. They leave first, as that policy has it. */
export type LinkPolicy = DiskPolicy | { kind: 'drop' | 'memory'; left?: DiskPolicy };

/** What a link tells to; the host of a node is one. */
export type LinkHost = {
  status(fill: 'green' | 'yellow' | 'red', text: string): void;
  count(name: string, by?: number, labels?: Readonly<Record<string, string>>): void;
  gauge(name: string, value: number): void;
  log(level: 'info' | 'warn' | 'error', text: string): void;
};

export type LinkOptions<Row> = BatcherOptions<Row> &
  Pick<BreakerOptions, 'firstRetryMs' | 'lastRetryMs' | 'askedMs' | 'random'> & {
    /** What is at the other end, e.g. "database". */
    target: string;
    policy: LinkPolicy;
    host: LinkHost;
    /** Counter of rows that have arrived. */
    counter?: string;
    codec?: RowCodec<Row>;
    /** Asks the peer whether it is there, at no cost to it: while nothing is written, nothing else would tell. Rejects with a Fault. */
    ask?(): Promise<unknown>;
    /** Rows that were kept on the disk have been written: what the sink answered, told again after a rejection. */
    onDrained?(rows: readonly Row[], outcomes: readonly Outcome[]): Promise<void>;
    /** Rows that were kept on the disk and that a bound of the outbox has dropped; forgotten when it resolves. */
    onDropped?(rows: readonly Row[]): void | Promise<void>;
    /** Rows that were kept on the disk are lost, nobody knows which: that they were there is forgotten when it resolves. */
    onLost?(): Promise<void>;
  };

export type Link<Row> = {
  /**
   * Resolves with the fate of each row: committed, refused, on the disk (`kept`: its outcome comes by `onDrained`) or
   * dropped by policy. Rejects with a Fault of kind outage when the memory is full or the link closes before.
   */
  submit(rows: readonly Row[]): Promise<readonly Fate[]>;
  /** Takes no more, writes or keeps what it has for at most `graceMs`, and closes the sink. `removed`: for good, so that what stays on the disk is named. */
  close(graceMs?: number, removed?: boolean): Promise<void>;
};

const TICK_MS = 1000;
const IDLE_MS = 10_000;
const DROPS_LOG_MS = 60_000;

export function openLink<Row extends object>(peer: Peer<Row>, options: LinkOptions<Row>): Link<Row> {
  const { target, policy, host, counter = 'fieldline_stored_total', maxRows = 5000 } = options;
  const clock: Clock = options.clock ?? systemClock;
  const timed: Peer<Row> = {
    ...peer,
    write(rows) {
      wroteAt = clock.steady();
      return peer.write(rows).finally(() => {
        wroteAt = undefined;
        heardAt = clock.steady();
        missed = false;
      });
    },
  };
  const sink = suspecting(halving(timed, clock), clock);
  const rate = rateMeter(2 * TICK_MS);
  const totals = { rejected: 0, dropped: 0, lost: 0 };
  let lastReason = '';
  /** When the peer was last written to or asked, on the steady clock. */
  let heardAt: number | undefined;
  /** When the write began that is under way. */
  let wroteAt: number | undefined;
  let asking = false;
  /** It did not answer the last question. */
  let missed = false;
  let awaySince: number | undefined;
  let dropsLoggedAt = -Infinity;

  const guard: Breaker = breaker({ ...options, onChange: onBreaker });
  const place = policy.kind === 'disk' ? policy : policy.left && existsSync(policy.left.file) && policy.left;
  const disk: DiskCarrier<Row> | undefined = place ? onDisk(place) : undefined;
  let carrier: Carrier<Row> = disk ?? bareCarrier();
  const batches = batcher<Row, Fate>(write, {
    ...options,
    maxRows,
    fewerRows: sink.mostRows,
    needsMore: sink.lacksOther,
  });
  let closed = false;
  const unwatch = place ? watchOutbox({ file: place.file, rows: () => rowsIn(disk) }) : undefined;
  const ticker = setInterval(() => {
    void look();
    show();
    const gone = place ? bookLost(place.file, clock.steady()) : 0;
    if (gone > 0)
      host.log('error', `${quantity(gone, 'message')} lost with a damaged outbox: the ledger counts them as dropped`);
  }, TICK_MS);

  function bareCarrier(): Carrier<Row> {
    return policy.kind === 'drop' ? dropCarrier(sink, guard) : memoryCarrier(sink, guard);
  }

  async function write(rows: readonly Row[]): Promise<readonly Fate[] | Again> {
    if (policy.kind !== 'disk' && carrier === disk) {
      await disk.opened;
      if (rowsIn(disk) === 0) {
        await disk.close(0);
        carrier = bareCarrier();
      }
    }
    return carrier.write(rows);
  }

  function onDisk({ file, maxBytes, maxAgeMs, full }: DiskPolicy): DiskCarrier<Row> {
    return diskCarrier<Row>({
      sink,
      breaker: guard,
      maxRows,
      after: options.after,
      exists: () => existsSync(file),
      async open() {
        await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
        const { codec, onDropped, onLost } = options;
        return openOutbox<Row>(file, { maxBytes, maxAgeMs, full, codec, clock, onGone, onDropped, onLost });
      },
      async onDrained(rows, outcomes) {
        await options.onDrained?.(rows, outcomes);
        tally(outcomes);
      },
    });
  }

  function onGone({ why, rows, text }: Gone): void {
    if (why === 'damaged') {
      if (rows > 0) noteDamage();
      totals.lost += rows;
      host.count('fieldline_outbox_lost_total', rows);
      host.log('error', text);
      return;
    }
    dropped(rows, why === 'full' ? 'outbox full' : 'too old', text);
  }

  function dropped(rows: number, reason: string, text: string): void {
    totals.dropped += rows;
    host.count('fieldline_dropped_total', rows, { reason });
    // A drop for each batch would flood the log; the counter tells of all.
    if (clock.steady() - dropsLoggedAt < DROPS_LOG_MS) return;
    dropsLoggedAt = clock.steady();
    host.log('warn', `${text}; ${totals.dropped} dropped since the start`);
  }

  function onBreaker(state: BreakerState): void {
    if (closed) return;
    if (state.state === 'open' && awaySince === undefined) {
      awaySince = state.since;
      host.log('warn', `${target} away: ${state.fault.message}`);
    } else if (state.state === 'closed' && awaySince !== undefined) {
      host.log('info', `${target} is back after ${Math.round((clock.steady() - awaySince) / 1000)} s`);
      awaySince = undefined;
    }
    show();
  }

  /** Totals of what became of rows; those on the disk are told once they are written. */
  function tally(fates: readonly Fate[]): void {
    const counts = { stored: 0, duplicate: 0, kept: 0, dropped: 0, rejected: 0 };
    for (const fate of fates)
      if (typeof fate === 'string') counts[fate]++;
      else {
        counts.rejected++;
        lastReason = fate.rejected;
      }
    rate.add(counts.stored);
    totals.rejected += counts.rejected;
    if (counts.stored > 0) host.count(counter, counts.stored);
    if (counts.duplicate > 0) host.count('fieldline_duplicates_total', counts.duplicate);
    if (counts.rejected > 0) host.count('fieldline_rejected_total', counts.rejected);
    if (counts.kept > 0) host.count('fieldline_kept_total', counts.kept);
    // The outbox has told of its own.
    if (counts.dropped > 0 && policy.kind === 'drop')
      dropped(counts.dropped, 'away', `${target} away: ${counts.dropped} rows dropped`);
  }

  /** Asks an idle peer. One that could not be written to may answer all the same: whether it is back is left to the next write. */
  async function look(): Promise<void> {
    const waits = batches.waiting + (rowsIn(disk) ?? 0) > 0;
    const idle = guard.state.state === 'closed' ? clock.steady() - (heardAt ?? -Infinity) >= IDLE_MS : missed;
    if (options.ask === undefined || asking || waits || !idle) return;
    asking = true;
    try {
      await guard.attempt(() => options.ask!());
      missed = false;
    } catch {
      missed = true;
    }
    heardAt = clock.steady();
    asking = false;
  }

  function show(): void {
    const now = clock.steady();
    const state = disk?.state();
    const figures = {
      ...totals,
      lastReason,
      perSecond: rate.perSecond(now),
      unansweredMs: now - (wroteAt ?? now),
      waiting: batches.waiting,
      full: batches.full,
      breaker: guard.state,
      disk: state,
    };
    const { fill, text } = linkWords(target, figures, now);
    host.status(fill, text);
    host.gauge('fieldline_waiting_rows', batches.waiting);
    if (heardAt !== undefined) host.gauge('fieldline_peer_up', guard.state.state === 'closed' ? 1 : 0);
    if (state === undefined || !('rows' in state)) return;
    host.gauge('fieldline_outbox_rows', state.rows);
    host.gauge('fieldline_outbox_bytes', state.bytes);
    host.gauge('fieldline_outbox_oldest_seconds', (state.oldestMs ?? 0) / 1000);
  }

  return {
    async submit(rows) {
      let fates: readonly Fate[];
      if (policy.kind === 'drop' && batches.full) fates = rows.map(() => 'dropped');
      else fates = await batches.submit(rows);
      tally(fates);
      return fates;
    },
    async close(graceMs = 5000, removed = false) {
      clearInterval(ticker);
      const end = clock.steady() + graceMs;
      guard.nudge();
      await batches.close(graceMs);
      await carrier.close(Math.max(0, end - clock.steady()));
      unwatch?.();
      closed = true;
      await sink.close();
      const stays = rowsIn(disk) ?? 0;
      if (!removed || stays === 0 || !place) return;
      host.log(
        'warn',
        `${stays} rows stay in ${place.file}: they are sent when a node of this id is back (undo, or import it)`,
      );
    },
  };
}

/** Undefined where that is not known. */
function rowsIn(disk: DiskCarrier<unknown> | undefined): number | undefined {
  const state = disk?.state();
  return state !== undefined && 'rows' in state ? state.rows : undefined;
}
