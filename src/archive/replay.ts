// Replay: a source that reads the archive again, in order, no faster than the rest of the gateway bears, from where it was.
import { type Clock, systemClock } from '../kernel/clock.ts';
import { reasonOf } from '../kernel/fault.ts';
import type { Query, Source } from '../reading/contracts.ts';
import type { Raw } from '../reading/raw.ts';
import { replayEntry } from '../reading/stages.ts';
import { changes } from './changes.ts';
import { insisting } from './insisting.ts';
import { archivePages, type Placed } from './pages.ts';
import { endReplay, keepProgress, type Progress, type Replay, releaseReplay } from './replays.ts';
import { LOOK_MS, throttle } from './throttle.ts';
import { underWay } from './under-way.ts';

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

/** What a crash repeats makes no second row, as rows are known by their identity. An outage of the database is waited out. */
export function openReplay(options: ReplayOptions): ReplayRun {
  const { query, replay, claim, live, perSecond, clock = systemClock } = options;
  const { pageRows = 2000, mostBytes = 32 << 20, keepMs = 500 } = options;
  const progress: Progress = { cursor: replay.cursor, settled: replay.settled, failed: replay.failed };
  const pace = throttle({ perSecond, clock });
  const onTheirWay = underWay(progress);
  const changed = changes();
  let paused = false;
  let closed = false;
  const database = insisting(() => closed, changed, clock);
  let tellEnd: (end: ReplayEnd) => void = () => {};
  const ended = new Promise<ReplayEnd>(resolve => {
    tellEnd = resolve;
  });

  const source: Source = onMessage => {
    let keptAt = clock.steady();

    function send(message: Placed): void {
      message.raw.entry = replayEntry(replay.id);
      const settle = onTheirWay.leaves(message);
      pace.left(1);
      onMessage(message.raw, settled => {
        settle(settled.ok);
        pace.settled(1);
        changed.tell();
      });
    }

    async function keep(): Promise<boolean> {
      keptAt = clock.steady();
      return (await database.on(() => keepProgress(query, replay.id, claim, progress))) ?? false;
    }

    const isDue = (): boolean => clock.steady() - keptAt >= keepMs;

    async function run(): Promise<ReplayEnd> {
      const pages = archivePages({ query, selection: replay.selection, after: progress.cursor, rows: pageRows });
      // Read ahead while the page before is sent. It is awaited below; a rejection until then must not count as nobody's.
      const ahead = () => {
        const page = database.on(pages);
        page.catch(() => {});
        return page;
      };
      let coming = ahead();
      for (let rows = await coming; rows !== undefined; rows = await coming) {
        coming = ahead();
        for (let at = 0; !closed && at < rows.length; ) {
          const before = at;
          let room = paused ? 0 : Math.min(AT_ONCE, pace.room());
          for (; room > 0 && at < rows.length && onTheirWay.bytes < mostBytes; room--) send(rows[at++]!);
          if (isDue()) {
            if (!(await keep())) return { state: 'lost' };
            // Much may have settled meanwhile.
          } else if (at > before) await turn();
          else await changed.wait(pace.waitMs() || keepMs);
        }
        if (!closed && isDue() && !(await keep())) return { state: 'lost' };
      }
      while (!closed && onTheirWay.messages > 0) {
        await changed.wait(keepMs);
        if (isDue() && !(await keep())) return { state: 'lost' };
      }
      if (!closed && !(await keep())) return { state: 'lost' };
      return { state: 'done' };
    }

    const stopWatching = watchLive(live, pace.felt);
    const running = run()
      .catch((error: unknown): ReplayEnd => ({ state: 'failed', reason: reasonOf(error) }))
      .then(async end => {
        stopWatching();
        if (closed) return;
        const { state } = end;
        const reason = end.state === 'failed' ? end.reason : undefined;
        if (state !== 'lost') await database.on(() => endReplay(query, replay.id, claim, state, reason));
        if (!closed) tellEnd(end);
      });

    return {
      pause() {
        paused = true;
      },
      resume() {
        paused = false;
        changed.tell();
      },
      async close() {
        closed = true;
        stopWatching();
        changed.tell();
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
    gaveUp: onTheirWay.gaveUp,
    progress,
    get away() {
      return database.away;
    },
    ended,
  };
}

/** Tells the throttle again and again what live data experiences. Returns the stop. */
function watchLive(live: ReplayOptions['live'], felt: (ms: number) => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function look(): Promise<void> {
    // Without the database nobody can tell: it stays as it is.
    await live().then(felt, () => {});
    if (!stopped) timer = setTimeout(() => void look(), LOOK_MS);
  }
  void look();

  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
