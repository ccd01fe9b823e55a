// Keeps a link up: makes it, makes it anew when it is lost, and waits longer from one failed attempt to the next.
import { backoff } from '../kernel/backoff.ts';
import { reasonOf } from '../kernel/fault.ts';
import { ModbusFault, type Trouble } from './fault.ts';
import type { Connect, Link } from './link.ts';
import type { Timing } from './timing.ts';

/** connecting: requests wait. up: they are sent. away: they are refused at once with the reason. */
export type LinkState = 'connecting' | 'up' | 'away' | 'closed';

export type LinkKeeper = {
  /** While it is up; it may have ended a moment ago. */
  readonly link: Link | undefined;
  readonly state: LinkState;
  /** Why the link is not up. */
  readonly reason: string;
  /** Times a link was lost. */
  readonly losses: number;
  readonly isClosing: boolean;
  /** What a request is refused with that was not sent. */
  unsent(): ModbusFault;
  /** The link has brought an answer. */
  answered(): void;
  close(): Promise<void>;
};

export type LinkKeeperOptions = {
  connect: Connect;
  timing: Timing;
  random?: (() => number) | undefined;
  onUp(): void;
  /** It is not there, and was not made. */
  onAway(): void;
};

/** Begins at once; `onUp` and `onAway` are called on later turns. */
export function keepLink({ connect, timing, random, onUp, onAway }: LinkKeeperOptions): LinkKeeper {
  const closing = new AbortController();
  const wait = backoff(200, 5000, random);
  let link: Link | undefined;
  let state: LinkState = 'connecting';
  let reason = 'connecting';
  let trouble: Trouble = 'link';
  let losses = 0;
  let answered = false;

  async function keepUp(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        link = await connect(closing.signal);
        if (closing.signal.aborted) link.end('closed');
        state = 'up';
        onUp();
        lost(await link.ended);
        // A link that brought answers is made anew at once; one that brings none must not be hammered.
        if (answered) {
          answered = false;
          wait.reset();
          continue;
        }
      } catch (error) {
        state = 'away';
        reason = reasonOf(error);
        trouble = error instanceof ModbusFault ? error.trouble : 'link';
        onAway();
      }
      await pause();
    }
  }

  const pause = () =>
    new Promise<void>(resolve => {
      if (closing.signal.aborted) return resolve();
      const cancel = timing.after(wait.next(), done);
      function done() {
        closing.signal.removeEventListener('abort', done);
        cancel();
        resolve();
      }
      closing.signal.addEventListener('abort', done);
    });

  // Requests wait for the first attempt after a loss: a device that drops its link now and then costs no poll.
  function lost(why: string): void {
    losses++;
    link = undefined;
    state = 'connecting';
    reason = `connection lost: ${why}`;
  }

  const running = keepUp();
  return {
    get link() {
      return link;
    },
    get state() {
      return state;
    },
    get reason() {
      return state === 'up' ? '' : reason;
    },
    get losses() {
      return losses;
    },
    get isClosing() {
      return closing.signal.aborted;
    },
    unsent: () => new ModbusFault(trouble, reason, undefined, true),
    answered() {
      answered = true;
    },
    async close() {
      closing.abort();
      link?.end('closed');
      await running;
      state = 'closed';
      reason = 'the bus is closed';
      trouble = 'link';
    },
  };
}
