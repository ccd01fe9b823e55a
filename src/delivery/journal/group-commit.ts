// Group commit: whatever comes while one batch is on its way to the disk makes the next one, so that all of it shares one fsync.
import { backoff } from '../../kernel/backoff.ts';
import type { Fault } from '../../kernel/fault.ts';
import type { Writes } from './messages.ts';
import { type Addressed, emptyQueue, isEmpty, type Queued, writesOf } from './queue.ts';

export type GroupCommit = {
  /** The batch that gathers: what is put into it leaves with the next `take`. */
  readonly next: Queued;
  /** Of the entries that are not on the disk yet. */
  readonly bytes: number;
  readonly isUnderWay: boolean;
  /** Why the last batch was refused; it is sent again until it succeeds. */
  readonly fault: string | undefined;
  /** The batch that has gathered, now under way; undefined while another one is, or where nothing has gathered. */
  take(): Writes | undefined;
  /** The batch is on the disk: tells all that wait for it, and gives its entries. */
  committed(): readonly Addressed[];
  refused(reason: string): void;
  /** How long an entry that has just been put in may wait for others. */
  gatherMs(): number;
  /** Nothing is committed any more. */
  end(reason: Fault): void;
};

// Appends within this time share one fsync. Longer costs every message of the broker as much, and saves little: what comes
// while a commit is under way shares the next one anyway. Where the last commit held one append alone, the next one does
// not wait: an outbox appends one batch after the other, as a lone publisher does its messages.
const GATHER_MS = 1;
const GATHER_MOST = 64;

/** `again`: sends a refused batch once more. */
export function groupCommit(again: (writes: Writes) => void): GroupCommit {
  const waits = backoff();
  let next = emptyQueue();
  let sent: Queued | undefined;
  let fault: string | undefined;
  let retry: NodeJS.Timeout | undefined;
  let company = false;

  return {
    get next() {
      return next;
    },
    get bytes() {
      return next.bytes + (sent?.bytes ?? 0);
    },
    get isUnderWay() {
      return sent !== undefined;
    },
    get fault() {
      return fault;
    },
    take() {
      if (sent !== undefined || isEmpty(next)) return undefined;
      sent = next;
      next = emptyQueue();
      return writesOf(sent);
    },
    committed() {
      const { entries, done } = sent ?? emptyQueue();
      sent = undefined;
      fault = undefined;
      waits.reset();
      if (entries.length > 0) company = entries.length > 1;
      for (const tell of done) tell();
      return entries;
    },
    refused(reason) {
      fault = reason;
      retry = setTimeout(() => sent && again(writesOf(sent)), waits.next());
    },
    gatherMs: () => (company && next.done.length < GATHER_MOST ? GATHER_MS : 0),
    end(reason) {
      clearTimeout(retry);
      for (const batch of [sent, next]) for (const tell of batch?.failed ?? []) tell(reason);
    },
  };
}
