// Desk of the dead letters: moves them from the disk into the table and sends the queued ones again, round after round.
import { reasonOf } from '../kernel/fault.ts';
import { type Moved, moveLetters } from './dead-letter-mover.ts';
import { countLetters, type LetterCounts } from './dead-letters.ts';
import { type ResendOptions, resendRound } from './resend.ts';

export type ResendDeskOptions = ResendOptions & {
  /** Data directory whose letters it moves. */
  directory: string;
  onCounts(counts: LetterCounts): void;
  onMoved(moved: Moved): void;
  onAway(reason: string): void;
  /** Milliseconds between two rounds. */
  roundMs?: number;
};

export type ResendDesk = {
  /** The next round begins at once. */
  wake(): void;
  pause(): void;
  resume(): void;
  /** Resolves when the round that works is over, or after `graceMs`: what has not settled stays queued. */
  close(graceMs?: number): Promise<void>;
};

export function resendDesk(options: ResendDeskOptions): ResendDesk {
  const { query, filter, directory, onCounts, onMoved, onAway, roundMs = 1000 } = options;
  let paused = false;
  let closed = false;
  let woken = false;
  let wake = () => {};

  /** A wake while a round works counts for the rest after it. */
  function rest(): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(() => wake(), woken ? 0 : roundMs);
      woken = false;
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function round(): Promise<void> {
    let more = true;
    while (more) {
      // First of all: one of them may be that of a letter which was sent again.
      const moved = await moveLetters(query, directory);
      if (moved.letters + moved.damaged > 0) onMoved(moved);
      if (paused || closed) break;
      const { resolved, reopened } = await resendRound(options);
      more = resolved + reopened > 0;
    }
    onCounts(await countLetters(query, filter));
  }

  async function serve(): Promise<void> {
    while (!closed) {
      if (!paused)
        try {
          await round();
        } catch (error) {
          onAway(reasonOf(error));
        }
      if (!closed) await rest();
    }
  }
  const serving = serve();

  return {
    wake() {
      woken = true;
      wake();
    },
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      wake();
    },
    async close(graceMs = 2000) {
      closed = true;
      wake();
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>(resolve => {
        timer = setTimeout(resolve, graceMs);
      });
      await Promise.race([serving, late]);
      clearTimeout(timer);
    },
  };
}
