// Source over the embedded broker's journal: the same contract as the wire, without the wire.
import { backoff } from '../kernel/backoff.ts';
import { Fault, reasonOf } from '../kernel/fault.ts';
import { type Ordered, ordered } from '../kernel/ordered.ts';
import type { Source } from '../reading/contracts.ts';
import type { Raw } from '../reading/raw.ts';
import type { TopicFilter } from './audience.ts';
import type { Consumer, Delivered, JournalBroker } from './consumers.ts';
import type { Pull } from './pull.ts';
import type { SourceHooks, SourceState } from './source-state.ts';

export type JournalSourceOptions = SourceHooks & {
  broker: JournalBroker;
  /** Durable name: under it the broker keeps what comes while nobody listens. */
  clientId: string;
  filters: readonly TopicFilter[];
  /** Messages handed out and not yet settled. */
  window: number;
  expirySeconds: number;
  /** `source` of each Raw. */
  source: string;
};

const LONGEST_WAIT_MS = 2000;

/**
 * Messages carry the time at which the broker received them, the same on every delivery, so that a redelivered one has
 * the same row identity even without a time of its own. When the broker is lost and comes back, what is still out is
 * not handed out again.
 */
export function journalSource(options: JournalSourceOptions): Source {
  return onMessage => {
    const { broker, clientId, filters, window, expirySeconds, source } = options;
    const tell = (state: SourceState): void => options.onState?.(state);
    const waits = backoff(50, LONGEST_WAIT_MS);
    let consumer: Consumer | undefined;
    let puller: Pull | undefined;
    let retry: NodeJS.Timeout | undefined;
    let paused = false;
    let closed = false;
    /** Came while paused; the broker may have sent before it heard of the pause. */
    let held: Delivered[] = [];
    let out = fresh();
    function fresh(): HandedOut {
      const own = handedOut(seqs => out === own && puller?.ack(seqs));
      return own;
    }

    async function start(): Promise<void> {
      tell({ state: 'connecting' });
      try {
        consumer = await broker.register(clientId, filters, expirySeconds, () => {
          puller?.stop();
          puller = undefined;
          if (!closed) tell({ state: 'refused', reason: `the client id ${clientId} is used by another node` });
        });
      } catch (error) {
        if (closed) return;
        const refused = error instanceof Fault && error.kind === 'data';
        tell({ state: refused ? 'refused' : 'offline', reason: reasonOf(error) });
        if (!refused) again();
        return;
      }
      if (closed) return consumer.detach();
      waits.reset();
      // A journal that has lost its end gives its numbers a second time: then they say nothing about what was handed out.
      if (consumer.lastSeq < out.last) out = fresh();
      out.begin();
      puller = consumer.pull({
        window,
        onFull: options.onWindow,
        deliver: messages => (paused || held.length > 0 ? held.push(...messages) : messages.forEach(hand)),
        onLost(reason) {
          puller = undefined;
          held = [];
          if (closed) return;
          tell({ state: 'offline', reason });
          again();
        },
      });
      if (paused) puller.pause();
      tell({ state: 'subscribed', via: 'journal', detail: undefined });
    }
    const again = (): void => {
      retry = setTimeout(() => void start(), waits.next());
    };

    function hand({ seq, topic, bytes, digest, at, by, dup }: Delivered): void {
      const settle = out.take(seq);
      if (settle === undefined) return;
      const known = { bytes, digest };
      const raw: Raw = { topic, bytes, known, receivedAt: at, source, protocol: 'mqtt', sequence: seq };
      // PUBACK lost with the broker: the publisher sends again, and the journal has both.
      if (by !== undefined) raw.receipt = { key: `${by}:${digest}`, redelivered: dup };
      onMessage(raw, settled => settled.ok && settle());
    }

    void start();
    return {
      pause() {
        paused = true;
        puller?.pause();
      },
      resume() {
        paused = false;
        const waiting = held;
        held = [];
        waiting.forEach(hand);
        puller?.resume();
      },
      async close() {
        out.flush();
        closed = true;
        clearTimeout(retry);
        puller?.stop();
        puller = undefined;
        consumer?.detach();
        tell({ state: 'closed' });
      },
    };
  };
}

type HandedOut = {
  /** Highest number handed out. */
  readonly last: number;
  /** Settles a message that is handed out now; undefined for one that is out already or has settled. */
  take(seq: number): (() => void) | undefined;
  /** What settled without a broker to tell is acknowledged when it comes again. */
  begin(): void;
  /** Acknowledges at once what has settled. */
  flush(): void;
};

/** What is out, over all connections to the broker; acknowledgements leave in the order of receipt, many at a time. */
function handedOut(ack: (seqs: readonly number[]) => unknown): HandedOut {
  const seqs: number[] = [];
  let last = 0;
  let settledTo = 0;
  let acks: number[] = [];
  const flush = (): void => {
    const done = acks;
    acks = [];
    if (done.length > 0) ack(done);
  };
  const release = (seq: number): void => {
    if (acks.push(seq) === 1) queueMicrotask(flush);
  };
  const inOrder: Ordered = ordered(() => {
    settledTo = seqs.shift() as number;
    release(settledTo);
  });
  return {
    get last() {
      return last;
    },
    begin() {
      acks = [];
    },
    flush,
    take(seq) {
      if (seq <= settledTo) release(seq);
      if (seq <= last) return undefined;
      last = seq;
      seqs.push(seq);
      const number = inOrder.take();
      return () => inOrder.settle(number);
    },
  };
}
