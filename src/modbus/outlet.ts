// Hands readings on and keeps them until they are stored: bounded in memory, since a Modbus poll cannot be held back.
import { backoff } from '../kernel/backoff.ts';
import { reasonOf } from '../kernel/fault.ts';
import type { Counter } from '../kernel/ledger.ts';
import type { Settled } from '../kernel/ticket.ts';
import type { Reading } from '../reading/reading.ts';
import type { After } from './timing.ts';

/** full: an outage outlasted the memory. refused: failed three times for a reason of its own. closed: not stored by then. */
export type DropReason = 'full' | 'refused' | 'closed';

export type OutletOptions = {
  /** Counts each reading where it comes in and where it ends. */
  counter?: Counter<Reading['metadata']>;
  emit: (reading: Reading) => Promise<Settled>;
  after: After;
  /** Readings on their way or waiting; one more is dropped. */
  limit?: number;
  onDrop: (reading: Reading, why: DropReason, reason: string) => void;
  random?: () => number;
};

/** Readings that are not stored yet; `reason` is '' while that is only their usual way. */
export type Backlog = { open: number; reason: string; full: boolean; dropped: number };

export type Outlet = {
  offer(reading: Reading): void;
  readonly backlog: Backlog;
  /** No more is emitted until `resume`; readings wait. */
  pause(): void;
  resume(): void;
  close(): void;
};

/** `number`: order of arrival, since the wall clock may step back. */
type Entry = { reading: Reading; number: number; tries: number };
const TRIES = 3;
const SLOW = 'readings are not stored as fast as they come';
/** More than that many on their way is a flow that does not keep up. */
const USUAL = 10;

/**
 * In an outage the readings wait in order, and only the oldest one is tried, with backoff, for ever; when it is stored
 * the others follow. A reading keeps the timestamp of its poll.
 */
export function outletOf({ counter, emit, after, onDrop, limit = 1000, random }: OutletOptions): Outlet {
  const parked: Entry[] = [];
  const wait = backoff(200, 5000, random);
  let offered = 0;
  let flying = 0;
  let dropped = 0;
  let trouble = '';
  let paused = false;
  let closed = false;
  let cancelRetry: (() => void) | undefined;

  const drop = (reading: Reading, why: DropReason, reason: string) => {
    dropped++;
    counter?.drop(reading.metadata);
    onDrop(reading, why, reason);
  };

  async function fly(entry: Entry): Promise<void> {
    flying++;
    const settled = await emit(entry.reading).catch(unfinished);
    flying--;
    if (settled.ok) {
      counter?.leave(entry.reading.metadata);
      if (!closed) recovered();
      return;
    }
    if (closed) {
      drop(entry.reading, 'closed', settled.reason);
      return;
    }
    if (settled.kind !== 'outage' && ++entry.tries >= TRIES) {
      drop(entry.reading, 'refused', settled.reason);
      if (parked.length === 0) trouble = '';
    } else {
      trouble = settled.reason;
      park(entry);
    }
    retryLater();
  }

  function park(entry: Entry): void {
    const younger = parked.findIndex(other => other.number > entry.number);
    parked.splice(younger === -1 ? parked.length : younger, 0, entry);
  }

  function retryLater(): void {
    if (paused || cancelRetry !== undefined || parked.length === 0) return;
    cancelRetry = after(wait.next(), () => {
      cancelRetry = undefined;
      const oldest = parked.shift();
      if (oldest !== undefined) void fly(oldest);
    });
  }

  function stopRetry(): void {
    cancelRetry?.();
    cancelRetry = undefined;
  }

  function recovered(): void {
    trouble = '';
    wait.reset();
    stopRetry();
    if (!paused) for (const entry of parked.splice(0)) void fly(entry);
  }

  return {
    offer(reading) {
      if (closed) return;
      counter?.enter(reading.metadata);
      if (flying + parked.length >= limit) drop(reading, 'full', trouble || SLOW);
      else {
        const entry = { reading, number: offered++, tries: 0 };
        if (paused || trouble !== '') parked.push(entry);
        else void fly(entry);
      }
    },
    get backlog() {
      const open = flying + parked.length;
      return { open, reason: trouble || (open > USUAL ? SLOW : ''), full: open >= limit, dropped };
    },
    pause() {
      paused = true;
      stopRetry();
    },
    resume() {
      paused = false;
      if (trouble === '') recovered();
      else retryLater();
    },
    close() {
      closed = true;
      stopRetry();
      for (const { reading } of parked.splice(0)) drop(reading, 'closed', trouble || 'closed');
    },
  };
}

const unfinished = (error: unknown): Settled => ({ ok: false, kind: 'unfinished', reason: reasonOf(error) });
