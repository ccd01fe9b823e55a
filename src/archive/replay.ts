// Replay: a source that reads the archive again, in order, no faster than the rest of the gateway bears, from where it was.
import { backoff } from '../kernel/backoff.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { Fault, reasonOf } from '../kernel/fault.ts';
import { ordered } from '../kernel/ordered.ts';
import type { Query, Source } from '../reading/contracts.ts';
import type { Raw } from '../reading/raw.ts';
import { archivePages, type Placed } from './pages.ts';
import { type Cursor, endReplay, keepProgress, type Progress, type Replay, releaseReplay } from './replays.ts';
import { LOOK_MS, throttle } from './throttle.ts';

export type ReplayOptions = {
  query: Query;
  /** As it was claimed. */
  replay: Replay;
  /** Name under which it was claimed. */
  claim: string;
  /** Milliseconds that a write of live data takes just now, 0 without live data; asked every 100 ms while it runs. */
  live(): Promise<number>;
  /** Most messages per second. */
  perSecond?: number | undefined;
  pageRows?: number;
  /** Where as many bytes are on their way, no further message leaves. */
  mostBytes?: number;
  /** Milliseconds between two writes of the progress. */
  keepMs?: number;
  clock?: Clock;
};

/** lost: stopped by somebody, or somebody else carries on with it. */
export type ReplayEnd = { state: 'done' | 'lost' } | { state: 'failed'; reason: string };

export type ReplayRun = {
  /** To be opened once. Its `close` keeps the progress and lets somebody else carry on. */
  source: Source;
  /** The message went to the dead letters: it counts as failed when it settles. */
  gaveUp(raw: Raw): void;
  readonly progress: Progress;
  /** Why the archive does not answer just now; '' while it does. */
  readonly away: string;
  /** Resolves when it ends by itself; not after `close`. */
  ended: Promise<ReplayEnd>;
};

/** Messages that leave in one turn of the event loop: live data has its turns between, and the first ones are written while the next are decoded. */
const AT_ONCE = 200;
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

type Sent = { place: Cursor; failed: boolean };

/**
 * The cursor follows the longest settled prefix, so that a crash repeats messages and never leaves one out; their rows
 * are known by their identity. An outage of the database is waited out.
 */
export function openReplay(options: ReplayOptions): ReplayRun {
  const { query, replay, claim, live, perSecond, clock = systemClock } = options;
  const { pageRows = 2000, mostBytes = 32 << 20, keepMs = 500 } = options;
  const progress: Progress = { cursor: replay.cursor, settled: replay.settled, failed: replay.failed };
  const pace = throttle({ perSecond, clock });
  const sent = new Map<number, Sent>();
  const bySource = new WeakMap<Raw, Sent>();
  let away = '';
  let tellEnd: (end: ReplayEnd) => void = () => {};
  const ended = new Promise<ReplayEnd>(resolve => {
    tellEnd = resolve;
  });

  const source: Source = onMessage => {
    let paused = false;
    let closed = false;
    let keptAt = clock.steady();
    let bytesOut = 0;
    const waiting = new Set<() => void>();
    const changed = () => {
      for (const wake of [...waiting]) wake();
    };

    const order = ordered(number => {
      const { place, failed } = sent.get(number)!;
      sent.delete(number);
      progress.cursor = place;
      progress.settled++;
      if (failed) progress.failed++;
    });

    function send({ raw, place }: Placed): void {
      const number = order.take();
      const entry: Sent = { place, failed: false };
      sent.set(number, entry);
      bySource.set(raw, entry);
      const { length } = raw.bytes;
      bytesOut += length;
      pace.left(1);
      onMessage(raw, settled => {
        bytesOut -= length;
        pace.settled(1);
        // What has not settled stays before the cursor: it comes again with the next claim.
        if (settled.ok) order.settle(number);
        changed();
      });
    }

    /** Until something settles, `resume` or `close`, or after a time. */
    function change(ms: number): Promise<void> {
      return new Promise(resolve => {
        const wake = () => {
          clearTimeout(timer);
          waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, ms);
        waiting.add(wake);
      });
    }

    /** Again and again while the database is away; undefined when it was closed meanwhile. */
    async function insisting<T>(work: () => Promise<T>): Promise<T | undefined> {
      const waits = backoff();
      while (!closed)
        try {
          const done = await work();
          away = '';
          return done;
        } catch (error) {
          if (!(error instanceof Fault) || error.kind !== 'outage') throw error;
          away = error.message;
          const until = clock.steady() + waits.next();
          while (!closed && clock.steady() < until) await change(until - clock.steady());
        }
      return undefined;
    }

    async function keep(): Promise<boolean> {
      keptAt = clock.steady();
      return (await insisting(() => keepProgress(query, replay.id, claim, progress))) ?? false;
    }

    const isDue = (): boolean => clock.steady() - keptAt >= keepMs;

    async function run(): Promise<ReplayEnd> {
      const pages = archivePages({ query, selection: replay.selection, after: progress.cursor, rows: pageRows });
      // Read ahead while the page before is sent. It is awaited below; a rejection until then must not count as nobody's.
      const ahead = () => {
        const page = insisting(pages);
        page.catch(() => {});
        return page;
      };
      let coming = ahead();
      for (let rows = await coming; rows !== undefined; rows = await coming) {
        coming = ahead();
        for (let at = 0; !closed && at < rows.length; ) {
          const before = at;
          let room = paused ? 0 : Math.min(AT_ONCE, pace.room());
          for (; room > 0 && at < rows.length && bytesOut < mostBytes; room--) send(rows[at++]!);
          if (isDue()) {
            if (!(await keep())) return { state: 'lost' };
            // Much may have settled meanwhile.
          } else if (at > before) await turn();
          else await change(pace.waitMs() || keepMs);
        }
        if (!closed && isDue() && !(await keep())) return { state: 'lost' };
      }
      while (!closed && order.open > 0) {
        await change(keepMs);
        if (isDue() && !(await keep())) return { state: 'lost' };
      }
      if (!closed && !(await keep())) return { state: 'lost' };
      return { state: 'done' };
    }

    /** Tells the throttle what live data experiences, until the replay ends. */
    async function look(): Promise<void> {
      // Without the database nobody can tell: it stays as it is.
      await live().then(pace.felt, () => {});
      if (!closed && !over) looking = setTimeout(() => void look(), LOOK_MS);
    }
    let over = false;
    let looking: NodeJS.Timeout | undefined;
    void look();

    const running = run()
      .catch((error: unknown): ReplayEnd => ({ state: 'failed', reason: reasonOf(error) }))
      .then(async end => {
        over = true;
        clearTimeout(looking);
        if (closed) return;
        const { state } = end;
        const reason = end.state === 'failed' ? end.reason : undefined;
        if (state !== 'lost') await insisting(() => endReplay(query, replay.id, claim, state, reason));
        if (!closed) tellEnd(end);
      });

    return {
      pause() {
        paused = true;
      },
      resume() {
        paused = false;
        changed();
      },
      async close() {
        closed = true;
        changed();
        await running;
        try {
          await keepProgress(query, replay.id, claim, progress);
          await releaseReplay(query, replay.id, claim);
        } catch {
          // Without the database the claim runs out by itself, and the messages since the last keeping are repeated.
        }
      },
    };
  };

  return {
    source,
    gaveUp(raw) {
      const entry = bySource.get(raw);
      if (entry !== undefined) entry.failed = true;
    },
    progress,
    get away() {
      return away;
    },
    ended,
  };
}
