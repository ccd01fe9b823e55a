// The fan-out core: rows in, batches out to whoever subscribed. It knows no protocol and no socket, and never waits for a client.
import { randomUUID } from 'node:crypto';
import type { Reading } from '../reading/reading.ts';
import { type Channel, topicsOf } from './channels.ts';
import { type Filter, keyOf, matches } from './filter.ts';
import { latestRows } from './latest.ts';
import { type Entry, rowLog } from './log.ts';
import { type Row, columnOf, rowsOf, statusKey, statusRowOf } from './publication.ts';

/** Entries of one channel for all who subscribed to it with the same filter. */
export type Batch = {
  channel: string;
  entries: readonly Entry[];
  /** What `encoder` makes of this batch, made once however many clients get it. */
  encoded<T>(encoder: (channel: string, entries: readonly Entry[]) => T): T;
};
export type Take = (batch: Batch) => void;

export type Subscription = {
  /** Everything up to this offset is in `snapshot`; everything after it is delivered. */
  readonly offset: number;
  /** Newest row of each thing in the channel, none newer than `offset`. */
  snapshot(): readonly Entry[];
  /** What the channel carried after `offset`, oldest first, or undefined when that is no longer known completely. */
  since(offset: number): readonly Entry[] | undefined;
  close(): void;
};

export type Hub = {
  /** Offsets of another epoch mean nothing here. */
  readonly epoch: string;
  /** Queues the rows of readings that are stored. Returns at once and never throws for a client's sake. */
  publish(readings: readonly Reading[]): void;
  publishRows(rows: readonly Row[]): void;
  /** Known last values (from the database at start) for snapshots; they are not sent and replace nothing newer. */
  prime(readings: readonly Reading[]): void;
  /** `take` is called for each batch from now on, never from within this call. */
  subscribe(channel: Channel, filter: Filter, take: Take): Subscription;
  /** Sends what is queued now, without waiting for the rest of the batch time. */
  flush(): void;
  close(): void;
};

export type HubOptions = {
  /** How long rows are collected into one frame. */
  batchMs?: number;
  /** Rows that a client which comes back can catch up on. */
  historyRows?: number;
  /** Rows kept for snapshots. */
  snapshotRows?: number;
};

const HISTORY_BYTES = 16 * 1024 * 1024;
const BATCH_ROWS = 256;
const SNAPSHOT_LIMIT = 1000;

type Group = { channel: Channel; filter: Filter; members: Set<Take>; pending: Entry[] };
/** Groups of one channel: by filter text, and by value where a filter has an equality. */
type Topic = { groups: Map<string, Group>; byValue: Map<string, Map<string, Set<Group>>>; others: Set<Group> };

export function createHub(options: HubOptions = {}): Hub {
  const { batchMs = 5, historyRows = 10_000, snapshotRows = 20_000 } = options;
  const log = rowLog(historyRows, HISTORY_BYTES);
  const latest = latestRows(snapshotRows);
  const topics = new Map<string, Topic>();
  const dirty = new Set<Group>();
  let timer: NodeJS.Timeout | undefined;

  function publishRow(row: Row): void {
    const entry = log.append(row);
    latest.put(entry);
    for (const name of topicsOf(row)) {
      const topic = topics.get(name);
      if (topic !== undefined) for (const group of candidates(topic, row)) offer(group, entry);
    }
  }

  function offer(group: Group, entry: Entry): void {
    if (!matches(group.filter, column => columnOf(entry.row, column))) return;
    group.pending.push(entry);
    dirty.add(group);
    if (group.pending.length >= BATCH_ROWS) flushGroup(group);
    else timer ??= setTimeout(flush, batchMs);
  }

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    for (const group of dirty) flushGroup(group);
  }

  function flushGroup(group: Group): void {
    dirty.delete(group);
    if (group.pending.length === 0) return;
    const batch = batchOf(group.channel.name, group.pending);
    group.pending = [];
    for (const take of [...group.members]) take(batch);
  }

  function subscribe(channel: Channel, filter: Filter, take: Take): Subscription {
    const topic = topics.get(channel.name) ?? { groups: new Map(), byValue: new Map(), others: new Set() };
    topics.set(channel.name, topic);
    const group = topic.groups.get(filter.text) ?? { channel, filter, members: new Set(), pending: [] };
    // What is pending was published before this subscription: the others get it now, the new member in its snapshot.
    flushGroup(group);
    if (group.members.size === 0) insert(topic, group);
    group.members.add(take);
    const wanted = (row: Row): boolean => channel.carries(row) && matches(filter, column => columnOf(row, column));
    return {
      offset: log.offset,
      snapshot: () => latest.snapshot(wanted, SNAPSHOT_LIMIT),
      since: offset => log.since(offset)?.filter(({ row }) => wanted(row)),
      close() {
        if (!group.members.delete(take) || group.members.size > 0) return;
        dirty.delete(group);
        remove(topic, group);
        if (topic.groups.size === 0) topics.delete(channel.name);
      },
    };
  }

  return {
    epoch: randomUUID().slice(0, 8),
    publish(readings) {
      const newest = new Map<string, Reading>();
      for (const reading of readings) {
        for (const row of rowsOf(reading)) publishRow(row);
        newest.set(reading.deviceId, reading);
      }
      // As in the database: one update of a device for each batch.
      for (const reading of newest.values()) publishRow(statusRowOf(reading, latest.get(statusKey(reading.deviceId))));
    },
    publishRows(rows) {
      for (const row of rows) publishRow(row);
    },
    prime(readings) {
      for (const reading of readings)
        for (const row of rowsOf(reading)) latest.put({ offset: 0, row, json: JSON.stringify(row.data) });
    },
    subscribe,
    flush,
    close() {
      clearTimeout(timer);
      topics.clear();
      dirty.clear();
    },
  };
}

/** Groups that can match: those whose equality names the row's value, and those that must be tried. */
function* candidates(topic: Topic, row: Row): Iterable<Group> {
  yield* topic.others;
  for (const [column, groups] of topic.byValue) yield* groups.get(keyOf(columnOf(row, column) ?? null)) ?? [];
}

function insert(topic: Topic, group: Group): void {
  topic.groups.set(group.filter.text, group);
  const indexed = group.filter.conditions.find(condition => condition.equals !== undefined);
  if (indexed === undefined) {
    topic.others.add(group);
    return;
  }
  const values = topic.byValue.get(indexed.column) ?? new Map<string, Set<Group>>();
  topic.byValue.set(indexed.column, values);
  const groups = values.get(indexed.equals!) ?? new Set<Group>();
  values.set(indexed.equals!, groups.add(group));
}

function remove(topic: Topic, group: Group): void {
  topic.groups.delete(group.filter.text);
  topic.others.delete(group);
  for (const [column, values] of topic.byValue) {
    for (const [value, groups] of values) if (groups.delete(group) && groups.size === 0) values.delete(value);
    if (values.size === 0) topic.byValue.delete(column);
  }
}

function batchOf(channel: string, entries: readonly Entry[]): Batch {
  const made = new Map<unknown, unknown>();
  return {
    channel,
    entries,
    encoded<T>(encoder: (channel: string, entries: readonly Entry[]) => T): T {
      if (!made.has(encoder)) made.set(encoder, encoder(channel, entries));
      return made.get(encoder) as T;
    },
  };
}
