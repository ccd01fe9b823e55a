// Replay desk: waits for replays that somebody asks for, claims one at a time, and has it carried to its end.
import { randomUUID } from 'node:crypto';
import { reasonOf } from '../kernel/fault.ts';
import type { Query } from '../reading/contracts.ts';
import { openReplay, type ReplayEnd, type ReplayRun } from './replay.ts';
import { type Asked, askForReplay, claimReplay, countReplay, type Replay } from './replays.ts';
import { selectionOf, wordsOf } from './selection.ts';

/** Carries the messages of a run into the flow; `stop` closes the run's source. */
export type Carrier = { pause(): void; resume(): void; stop(): Promise<void> };

export type DeskState =
  | { state: 'idle'; last: (Replay & { end: ReplayEnd }) | undefined }
  | { state: 'running'; replay: Replay; perSecond: number; away: string }
  | { state: 'away'; reason: string };

export type DeskOptions = {
  query: Query;
  /** Takes replays for this owner, and those for nobody in particular. */
  owner: string;
  perSecond?: number | undefined;
  /** Milliseconds that a write of live data takes just now; 0 without live data. */
  live(): Promise<number>;
  carry(run: ReplayRun): Carrier;
  /** About once a second while a replay runs, and on every change. */
  onState(state: DeskState): void;
  /** Milliseconds between two looks for a replay. */
  lookMs?: number;
};

export type Desk = {
  /** Asks for a replay, for this owner, and looks at once. Whoever presses twice does not get the same twice. */
  ask(given: object, by: string): Promise<Asked>;
  /** Looks at once. */
  wake(): void;
  pause(): void;
  resume(): void;
  close(): Promise<void>;
};

const TELL_MS = 1000;

export function replayDesk({ query, owner, perSecond, live, carry, onState, lookMs = 2000 }: DeskOptions): Desk {
  const claim = randomUUID();
  let paused = false;
  let closed = false;
  let idle = false;
  let carrier: Carrier | undefined;
  let last: (Replay & { end: ReplayEnd }) | undefined;
  let wake = () => {};
  let stopped = () => {};
  const closing = new Promise<undefined>(resolve => {
    stopped = () => resolve(undefined);
  });

  function rest(): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, lookMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function work(replay: Replay): Promise<void> {
    const run = openReplay({ query, replay, claim, live, perSecond });
    let total = replay.total;
    // Beside the replay: counting a year takes a while. Without the total there is no percentage, nothing worse.
    if (total === undefined)
      countReplay(query, replay).then(
        counted => {
          total = counted;
        },
        () => {},
      );
    let before = replay.settled;
    let since = performance.now();
    const now = (): Replay => ({ ...replay, ...run.progress, total });
    const tell = () => {
      const { settled } = run.progress;
      const seconds = (performance.now() - since) / 1000;
      const { away } = run;
      onState({ state: 'running', replay: now(), perSecond: seconds > 0 ? (settled - before) / seconds : 0, away });
      before = settled;
      since = performance.now();
    };
    tell();
    const ticker = setInterval(tell, TELL_MS);
    carrier = carry(run);
    if (paused) carrier.pause();
    const end = await Promise.race([run.ended, closing]);
    clearInterval(ticker);
    await carrier.stop();
    carrier = undefined;
    // One that is over before it was counted has come to all of it.
    if (end?.state === 'done') total ??= run.progress.settled;
    if (end !== undefined) last = { ...now(), end };
  }

  async function serve(): Promise<void> {
    while (!closed) {
      try {
        const replay = paused ? undefined : await claimReplay(query, claim, { owner });
        if (replay !== undefined && !closed) {
          idle = false;
          await work(replay);
          continue;
        }
        if (!idle) onState({ state: 'idle', last });
        idle = true;
      } catch (error) {
        idle = false;
        onState({ state: 'away', reason: reasonOf(error) });
      }
      if (!closed) await rest();
    }
  }
  const serving = serve();

  return {
    async ask(given, by) {
      const selection = selectionOf(given, Date.now());
      const asked = await askForReplay(query, { selection, askedBy: by, owner, words: wordsOf(given) });
      wake();
      return asked;
    },
    wake: () => wake(),
    pause() {
      paused = true;
      carrier?.pause();
    },
    resume() {
      paused = false;
      carrier?.resume();
      wake();
    },
    async close() {
      closed = true;
      stopped();
      wake();
      await serving;
    },
  };
}
