// The fan-out core: rows in, batches out to whoever subscribed. It knows no protocol and no socket, and never waits for a client.
import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { count } from '../kernel/metrics.ts';
import type { Reading } from '../reading/reading.ts';
import { createBatching } from './batching.ts';
import { topicsOf } from './channels.ts';
import { createGroups, type Take } from './groups.ts';
import { latestRows } from './latest.ts';
import { type Entry, entryAt, type Past, rowLog } from './log.ts';
import { type Row, statusKey } from './publication.ts';
import { type Selection, weightOfAll } from './selection.ts';
import { told } from './told.ts';
import { unheardReadings } from './unheard.ts';

/** What is known of a selection now. */
export type Look = {
  /** Everything up to this offset is in `snapshot` and `since`. */
  readonly offset: number;
  /** Newest row of each thing in the selection, none newer than `offset`. */
  snapshot(): readonly Entry[];
  /** What the selection had after `offset`, oldest first, or undefined when that is no longer known completely. */
  since(offset: number): readonly Entry[] | undefined;
  /** What is still known of what it had, oldest first. */
  all(): readonly Entry[];
};
/** Everything after its `offset` is delivered. */
export type Subscription = Look & { close(): void };

/** Where a hub stands: enough for its successor to go on. */
export type Position = Past & { epoch: string };

export type Hub = {
  /** Offsets of another epoch mean nothing here. */
  readonly epoch: string;
  readonly position: Position;
  /**
   * Queues the rows of readings that are stored. Returns at once and never throws for a client's sake. While nobody is there,
   * rows are only made when somebody asks: `settled` readings are those that nobody will change until then.
   */
  publish(readings: readonly Reading[], settled?: boolean): void;
  publishRows(rows: readonly Row[]): void;
  /** Known last rows (from the database at start) for snapshots; they are not sent and replace nothing newer. */
  prime(rows: readonly Row[]): void;
  /** Rows went by that nobody can tell: a new epoch, so that every client learns that it has a gap. */
  breakOff(): void;
  /**
   * May a client subscribe to these as well? All together are not to ask for more than every row can be held against, and none
   * for more than a twentieth of that; `own` is the weight of what it has.
   */
  hasRoom(selections: readonly Selection[], own: number): boolean;
  /** `take` is called for each batch from now on, never from within this call; with `conflateMs` once in this time, with the newest row of each thing. */
  subscribe(selection: Selection, take: Take, conflateMs?: number): Subscription;
  look(selection: Selection): Look;
  /** Calls back when the epoch has changed, until the returned function is called. */
  onBreak(listener: () => void): () => void;
  /** Sends what is queued now, without waiting for the rest of the batch time. */
  flush(): void;
  close(): void;
};

export type HubOptions = {
  /** How long rows are collected into one frame. */
  batchMs?: number;
  /** Rows that a client which comes back can catch up on. */
  historyRows?: number;
  /** Most that all subscriptions together may weigh: one that is found by value 1, one that is tried with each row 33. */
  mostWeight?: number;
  /** Rows kept for snapshots. */
  snapshotRows?: number;
  /** Goes on from here. */
  position?: Position | undefined;
  clock?: Clock;
};

const HISTORY_BYTES = 16 * 1024 * 1024;
const SNAPSHOT_LIMIT = 1000;
const SHARES = 20;
/** Who has left can come back for so long; while nobody can, no history is kept: rows that live long are dear. */
const RETURN_MS = 15 * 60_000;

export function createHub(options: HubOptions = {}): Hub {
  const { batchMs = 5, historyRows = 10_000, snapshotRows = 20_000, mostWeight = 200_000, position } = options;
  const { clock = systemClock } = options;
  let epoch = position?.epoch ?? newEpoch();
  let log = rowLog(historyRows, HISTORY_BYTES, position);
  const latest = latestRows(snapshotRows);
  for (const entry of log.all()) latest.put(entry);
  const unheard = unheardReadings();
  const batches = createBatching(batchMs);
  const groups = createGroups(batches.drop);
  const breakListeners = new Set<() => void>();
  // When somebody was last told a position.
  let askedAt = position === undefined ? -Infinity : clock.steady();

  /** Is anybody there, or could come back? */
  function isFollowed(): boolean {
    return groups.size > 0 || clock.steady() - askedAt < RETURN_MS;
  }

  /** Rows of what nobody heard: before anybody asks, and before anything else is told of the same things. */
  function catchUp(): void {
    if (unheard.size > 0) publishReadings(unheard.take(), false);
  }

  function publishReadings(readings: readonly Reading[], followed: boolean): void {
    for (const row of told(readings, id => latest.get(statusKey(id)))) publishRow(row, followed);
  }

  function publishRow(row: Row, followed: boolean): void {
    const entry = followed ? log.append(row) : log.pass(row);
    latest.put(entry);
    if (groups.size > 0) for (const group of groups.concerned(topicsOf(row), row)) batches.offer(group, entry);
  }

  function look(selection: Selection): Look {
    catchUp();
    askedAt = clock.steady();
    const wanted = (row: Row): boolean => selection.carries(row) && selection.wants(row);
    return {
      offset: log.offset,
      snapshot: () => latest.snapshot(selection.topic, wanted, SNAPSHOT_LIMIT),
      since: offset => log.since(offset)?.filter(({ row }) => wanted(row)),
      all: () => log.all().filter(({ row }) => wanted(row)),
    };
  }

  return {
    get epoch() {
      return epoch;
    },
    get position() {
      catchUp();
      return { epoch, offset: log.offset, rows: log.all().map(({ row }) => row) };
    },
    publish(readings, settled = true) {
      const followed = isFollowed();
      if (followed || !settled) {
        catchUp();
        publishReadings(readings, followed);
        return;
      }
      log.forget();
      for (const reading of readings) {
        if (unheard.add(reading)) continue;
        catchUp();
        publishReadings([reading], false);
      }
    },
    publishRows(rows) {
      catchUp();
      const followed = isFollowed();
      for (const row of rows) publishRow(row, followed);
    },
    prime(rows) {
      catchUp();
      for (const row of rows) latest.put(entryAt(0, row));
    },
    breakOff() {
      catchUp();
      batches.flush();
      epoch = newEpoch();
      log = rowLog(historyRows, HISTORY_BYTES, { offset: log.offset, rows: [] });
      for (const listener of [...breakListeners]) listener();
    },
    onBreak(listener) {
      breakListeners.add(listener);
      return () => breakListeners.delete(listener);
    },
    hasRoom(selections, own) {
      const more = weightOfAll(selections);
      if (own + more <= mostWeight / SHARES && groups.weight + more <= mostWeight) return true;
      count('fieldline_live_refused_total', 1, { reason: 'subscriptions' });
      return false;
    },
    subscribe(selection, take, conflateMs) {
      catchUp();
      const group = groups.join(selection, conflateMs, take);
      // What is pending was published before this subscription: the others get it now, the new member in its snapshot.
      group.members.delete(take);
      batches.send(group);
      group.members.add(take);
      return {
        ...look(selection),
        close() {
          groups.leave(group, take);
          askedAt = clock.steady();
        },
      };
    },
    look,
    flush: batches.flush,
    close() {
      batches.close();
      groups.clear();
      breakListeners.clear();
    },
  };
}

function newEpoch(): string {
  return randomUUID().slice(0, 8);
}
