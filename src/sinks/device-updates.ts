// Device updates: while batches name the same devices again and again, what they say of these is kept in a row of
// `device_updates` and goes into `devices` and `latest_values` once for many batches: a row of theirs that changes a hundred
// times a second costs more than all readings, and each change reads past those before it while anybody holds a snapshot.
import { backoff } from '../kernel/backoff.ts';
import type { BulkWrite, Query } from '../reading/contracts.ts';
import { type Device, merged, order, orLate } from './devices.ts';
import { parsedDevices } from './device-text.ts';
import { devicesStatement, type PutOff } from './statement.ts';

export type DeviceUpdates = {
  /** Of one write: what is put off of what it says of a device, undefined where nothing is. The same for all parts of the write. */
  choice(): PutOff;
  /** A statement has committed: these devices stand in it, those in the row of `device_updates`. */
  wrote(devices: readonly Device[], later: readonly Device[], row: number | undefined): void;
  /** A write that puts off has failed, or only what it put off. What of it stands nobody knows: its answer may have been lost behind the commit. */
  failed(): void;
  /** The write is over. */
  rest(): void;
  /** Writes what is put off; what cannot be written within `graceMs` stays in its rows for whoever opens next. */
  close(graceMs?: number): Promise<void>;
};

/** The longest time that what is put off waits. */
const WINDOW_MS = 250;
/** No write since: the load is over, and who looks finds the last values. */
const REST_MS = 25;
/** Devices that batches name within one window. Below that nothing is put off. */
const BUSY = 200;
const CLOSE_MS = 2000;
/** Then the rows are read again: of a gateway that was killed beside this one, or committed late by a server that had stood still. */
const AGAIN_MS = 60_000;

/** Asked first: a role without these rights, or a database that is not migrated yet, is no outage. */
const MAY = `SELECT coalesce(bool_and(has_table_privilege(to_regclass('device_updates'), wanted)), false) AS may
  FROM unnest('{SELECT,INSERT,DELETE}'::text[]) AS wanted`;

type Heard = Pick<Device, 'seenAt' | 'protocol'>;

/** Takes up what others have left behind as soon as the database answers. */
export function deviceUpdates(query: Query, bulk: BulkWrite, againMs = AGAIN_MS): DeviceUpdates {
  let pending = new Map<string, Device>();
  let rows: number[] = [];
  /** Written within this window and the one before it: when they were last heard, and how. */
  let recent = new Map<string, Heard>();
  let older = new Map<string, Heard>();
  let named = 0;
  let namedBefore = 0;
  let windowEnd = 0;
  let due: NodeJS.Timeout | undefined;
  let resting: NodeJS.Timeout | undefined;
  let flushing: Promise<void> | undefined;
  /** Nothing is put off before the rows that are left are read, nor while what was put off cannot be written. */
  let isRead = false;
  let isTaken = true;
  let closed = false;
  let taking: NodeJS.Timeout | undefined;
  const waits = backoff();
  const takingWaits = backoff();

  function turn(): void {
    const now = performance.now();
    if (now < windowEnd) return;
    const isNext = now < windowEnd + WINDOW_MS;
    older = isNext ? recent : new Map();
    namedBefore = isNext ? named : 0;
    recent = new Map();
    named = 0;
    windowEnd = now + WINDOW_MS;
  }

  function flushIn(ms: number): void {
    due ??= setTimeout(() => void flush(), ms).unref();
  }

  function note({ id, seenAt, protocol }: Device): void {
    const known = recent.get(id) ?? older.get(id);
    recent.set(id, known !== undefined && known.seenAt > seenAt ? known : { seenAt, protocol });
  }

  function keep(devices: Iterable<Device>): void {
    for (const device of devices) {
      const known = pending.get(device.id);
      pending.set(device.id, known === undefined ? device : merged(known, device));
    }
  }

  function flush(): Promise<void> {
    clearTimeout(due);
    due = undefined;
    flushing ??= write().finally(() => {
      flushing = undefined;
      if (rows.length > 0 && !closed) flushIn(isTaken ? WINDOW_MS : waits.next());
    });
    return flushing;
  }

  async function write(): Promise<void> {
    const devices = [...pending.values()].sort((a, b) => order(a.id, b.id));
    const done = rows;
    pending = new Map();
    rows = [];
    // At once: what comes meanwhile is said over it.
    for (const device of devices) note(device);
    try {
      await say(devices);
      await say(devices.flatMap(({ late }) => late ?? []));
      await query('DELETE FROM device_updates WHERE id = ANY ($1::int8[])', [done]);
      isTaken = true;
      waits.reset();
    } catch {
      // Meanwhile batches write what they say of devices themselves, and tell why they cannot.
      isTaken = false;
      const newer = pending;
      pending = new Map(devices.map(device => [device.id, device]));
      keep(newer.values());
      rows = [...done, ...rows];
    }
  }

  async function say(devices: readonly Device[]): Promise<void> {
    if (devices.length === 0) return;
    for (const part of await bulk(devices, devicesStatement)) {
      if (!('refused' in part)) continue;
      // The next batch that names it writes it, and is told why it cannot.
      recent.delete(part.items[0].id);
      older.delete(part.items[0].id);
    }
  }

  /** What a gateway left behind that ended in between, or a write without an answer. Others that run lose nothing: they say the same again. */
  async function takeUp(): Promise<void> {
    try {
      const [right] = await query<{ may: boolean }>(MAY);
      if (right?.may !== true) return later();
      const left = await query<{ id: number; body: string }>(
        'SELECT id::float8 AS id, body FROM device_updates ORDER BY device_updates.id',
      );
      const newer = pending;
      pending = new Map();
      for (const { body } of left) keep(parsedDevices(body));
      keep(newer.values());
      rows.push(...left.map(({ id }) => id));
      isRead = true;
      later(againMs);
      if (rows.length > 0) await flush();
    } catch {
      later();
    }
  }

  function later(ms = takingWaits.next()): void {
    clearTimeout(taking);
    if (!closed) taking = setTimeout(() => void takeUp(), ms).unref();
  }

  void takeUp();
  return {
    choice() {
      clearTimeout(resting);
      turn();
      if (!isRead || !isTaken || Math.max(named, namedBefore) < BUSY) return () => undefined;
      const [next, now, past] = [pending, recent, older];
      return device => {
        const before = next.get(device.id) ?? now.get(device.id) ?? past.get(device.id);
        return before && orLate(device, before);
      };
    },
    wrote(devices, later, row) {
      named += devices.length + later.length;
      for (const device of devices) note(device);
      if (row === undefined) return;
      takingWaits.reset();
      keep(later);
      rows.push(row);
      flushIn(WINDOW_MS);
    },
    failed() {
      isRead = false;
      later();
    },
    rest() {
      clearTimeout(resting);
      if (rows.length > 0 && isTaken) resting = setTimeout(() => void flush(), REST_MS).unref();
    },
    async close(graceMs = CLOSE_MS) {
      closed = true;
      clearTimeout(resting);
      clearTimeout(taking);
      if (rows.length === 0 && flushing === undefined) return;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>(resolve => {
        timer = setTimeout(resolve, graceMs);
      });
      // What came during a flush needs another one.
      await Promise.race([flush().then(() => (rows.length > 0 ? flush() : undefined)), late]);
      clearTimeout(timer);
      clearTimeout(due);
    },
  };
}
