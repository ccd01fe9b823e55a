// Desk of the dead letters: moves them from the disk into the table and sends the queued ones again, round after round.
import { randomUUID } from 'node:crypto';
import { reasonOf } from '../../kernel/fault.ts';
import { type Moved, moveLetters } from './mover.ts';
import { countWaiting } from './letters.ts';
import { type ResendOptions, resendRound } from './resend.ts';

export type ResendDeskOptions = Omit<ResendOptions, 'claim'> & {
  /** Data directory whose letters it moves. */
  directory: string;
  /** After each hundred letters at the latest. */
  onCounts(counts: { open: number; queued: number }): void;
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
  const claim = randomUUID();
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
    for (let more = true; more; ) {
      // First of all: one of them may be that of a letter which was sent again.
      const moved = await moveLetters(query, directory);
      if (moved.letters + moved.damaged > 0) onMoved(moved);
      onCounts(await countWaiting(query, filter));
      if (paused || closed) return;
      const { resolved, reopened } = await resendRound({ ...options, claim });
      more = resolved + reopened > 0;
    }
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
