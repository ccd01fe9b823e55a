// Disk carrier: batches go to the peer directly, or through the outbox while the peer is away and until the outbox is empty again.
import { backoff } from '../kernel/backoff.ts';
import { Fault, reasonOf } from '../kernel/fault.ts';
import type { Outcome } from '../reading/contracts.ts';
import { type Breaker, isOutage } from './breaker.ts';
import { type Carrier, closedFault, type Fate } from './carrier.ts';
import type { Batch, Outbox, OutboxState } from './outbox/outbox.ts';
import { type Judged, moreBehind } from './suspect.ts';
import { type After, timer } from './timer.ts';

export type DiskCarrierOptions<Row> = {
  /** Rejects with outages only. */
  sink: Judged<Row>;
  breaker: Breaker;
  /** Most rows in one write out of the outbox. */
  maxRows: number;
  /** Tried again for ever. */
  open(): Promise<Outbox<Row>>;
  /** Whether rows may lie there from before. Without any the outbox is opened when the peer is away for the first time. */
  exists(): boolean;
  /** Rows out of the outbox were written; they are forgotten when it resolves, and told again after a rejection. */
  onDrained(rows: readonly Row[], outcomes: readonly Outcome[]): Promise<void>;
  after?: After;
};
/** `absent`: why the outbox cannot be used now. Rows go directly then, and wait where that does not work. */
export type DiskState = OutboxState | { absent: Fault | undefined };
export type DiskCarrier<Row> = Carrier<Row> & {
  /** After the first look at what lies there. */
  readonly opened: Promise<void>;
  state(): DiskState;
};

/** How long the disk may take for rows before it is asked whether it refuses them; one that is only slow is waited for. */
const REFUSED_MS = 500;

export function diskCarrier<Row>(options: DiskCarrierOptions<Row>): DiskCarrier<Row> {
  const { sink, breaker, maxRows, onDrained, after = timer } = options;
  const waits = backoff(200, 5000);
  let box: Outbox<Row> | undefined;
  let absent: Fault | undefined;
  let closed = false;
  let draining: Promise<void> = Promise.resolve();
  /** Rows that are written beyond `maxRows`, until all of a write have arrived. */
  let more = 0;
  let callOffOpening: (() => void) | undefined;
  let waiting: (() => void)[] = [];

  /** Resolves when something has changed: rows came or went, the outbox is there or is not. */
  const change = (): Promise<void> => new Promise(resolve => waiting.push(resolve));
  function changed(): void {
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
  }

  // A thread and a file for each link cost memory that most never need.
  let asked = options.exists();
  let opening = asked ? open() : Promise.resolve();
  const opened = opening;
  async function open(): Promise<void> {
    try {
      const fresh = await options.open();
      if (closed) return fresh.close();
      box = fresh;
      absent = undefined;
      waits.reset();
      draining = drain(fresh);
    } catch (error) {
      absent = error as Fault;
      if (!closed) callOffOpening = after(waits.next(), reopen);
    }
    changed();
  }

  function reopen(): void {
    asked = true;
    opening = open();
  }

  /** A file that can no longer be used is opened anew: damage is looked for and mended then. */
  async function renew(old: Outbox<Row>, error: unknown): Promise<void> {
    if (box !== old || closed) return;
    box = undefined;
    absent = error as Fault;
    changed();
    await old.close();
    callOffOpening = after(waits.next(), reopen);
  }

  async function drain(from: Outbox<Row>): Promise<void> {
    let ahead: Promise<readonly Batch<Row>[]> | undefined;
    try {
      while (!closed && box === from) {
        await breaker.due();
        if (closed) return;
        const batches = [...(await (ahead ?? from.next(maxRows))), ...(await beyond(from))];
        ahead = undefined;
        if (batches.length === 0) {
          // It may have been closed during the look: no change would come after that one.
          if (closed) return;
          // What was kept since the last look is there on a later turn; others must have theirs meanwhile.
          await (from.state().rows === 0 ? change() : new Promise<void>(resolve => after(0, resolve)));
          continue;
        }
        // Read and unpacked while the first ones are written.
        ahead = from.next(maxRows);
        ahead.catch(() => {});
        if (await carry(from, batches)) more = 0;
        else {
          from.giveBack([...batches, ...(await ahead)]);
          ahead = undefined;
        }
        changed();
      }
    } catch (error) {
      await renew(from, error);
    }
  }

  /** What is written beyond the bound; more of it each time that this was not enough. */
  async function beyond(from: Outbox<Row>): Promise<readonly Batch<Row>[]> {
    if (sink.lacksOther()) more = moreBehind(more);
    return more === 0 ? [] : from.next(more);
  }

  /** False in an outage, which the breaker shows. */
  async function carry(from: Outbox<Row>, batches: readonly Batch<Row>[]): Promise<boolean> {
    const rows = batches.flatMap(batch => batch.rows);
    try {
      const outcomes = await breaker.attempt(() => sink.write(rows));
      while (!(await told(rows, outcomes))) if (closed) return false;
      from.settle(batches);
      return true;
    } catch {
      return false;
    }
  }

  async function told(rows: readonly Row[], outcomes: readonly Outcome[]): Promise<boolean> {
    await breaker.due();
    try {
      await breaker.attempt(() => onDrained(rows, outcomes).catch(asOutage));
      return true;
    } catch {
      return false;
    }
  }

  /** All but what arrived before the outage. */
  async function keep(it: Outbox<Row>, all: readonly Row[]): Promise<readonly Fate[]> {
    const rows = all.filter(row => !sink.arrived(row));
    const fates = new Map(rows.length === 0 ? [] : (await keepRest(it, rows)).map((fate, at) => [rows[at], fate]));
    return all.map(row => fates.get(row) ?? 'stored');
  }

  /**
   * A disk that takes nothing must not hold up rows for a peer that is back: while nothing lies before them, they are
   * offered to it, as without an outbox. What was on its way to the disk is called off then.
   */
  async function keepRest(it: Outbox<Row>, rows: readonly Row[]): Promise<readonly Fate[]> {
    const keeping = it.append(rows);
    for (;;) {
      let callOff = (): void => {};
      const refused = new Promise<true>(resolve => {
        callOff = after(REFUSED_MS, () => resolve(true));
      });
      const waits = await Promise.race([keeping.then(() => false), refused]).finally(callOff);
      const { rows: before, fault } = it.state();
      if (!waits || closed) return keeping;
      if (fault === undefined || before > 0) continue;
      try {
        const outcomes = await breaker.attempt(() => sink.write(rows));
        await renew(it, new Fault('FIELDLINE_DIR', `the disk refuses: ${fault}`, { kind: 'outage' }));
        return outcomes;
      } catch (error) {
        if (!isOutage(error)) throw error;
      }
    }
  }

  /**
   * No older rows lie in the outbox. The last write of a drain is waited for: if new rows went in behind it, the drain
   * would never end under load.
   */
  async function isClear(it: Outbox<Row>): Promise<boolean> {
    for (;;) {
      const { rows } = it.state();
      if (rows === 0 || rows > maxRows || breaker.state.state !== 'closed' || box !== it || closed) return rows === 0;
      await change();
    }
  }

  return {
    opened,
    async write(rows) {
      await opened;
      while (!closed) {
        if (box === undefined || (await isClear(box)))
          try {
            return await breaker.attempt(() => sink.write(rows));
          } catch (error) {
            if (!isOutage(error)) throw error;
          }
        if (!asked) {
          reopen();
          await opening;
        }
        const it = box;
        if (it === undefined) await Promise.race([breaker.due(), change()]);
        else
          try {
            const fates = await keep(it, rows);
            changed();
            return fates;
          } catch (error) {
            await renew(it, error);
          }
      }
      throw closedFault();
    },
    async close(graceMs) {
      closed = true;
      callOffOpening?.();
      breaker.nudge();
      changed();
      await new Promise<void>(resolve => {
        const callOff = after(graceMs, resolve);
        void Promise.all([opening, draining]).then(() => {
          callOff();
          resolve();
        });
      });
      await box?.close();
    },
    state: () => box?.state() ?? { absent },
  };
}

/** Whatever is wrong with the telling: rows that nobody was told of are not forgotten. */
function asOutage(error: unknown): never {
  if (isOutage(error)) throw error;
  throw new Fault('FIELDLINE_ROW', reasonOf(error), { kind: 'outage', cause: error });
}
