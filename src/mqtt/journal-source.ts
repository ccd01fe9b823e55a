// Source over the embedded broker's journal: the same contract as the wire, without the wire.
import { backoff } from '../kernel/backoff.ts';
import { digest } from '../kernel/bytes.ts';
import { Fault, reasonOf } from '../kernel/fault.ts';
import { type Ordered, ordered } from '../kernel/ordered.ts';
import type { Source } from '../reading/contracts.ts';
import type { TopicFilter } from './audience.ts';
import type { Consumer, JournalBroker } from './consumers.ts';
import { type Pull, pull } from './pull.ts';
import type { SourceHooks, SourceState } from './source-state.ts';
import { decodeMessage } from './store.ts';

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

/**
 * Messages carry the time at which the broker received them, the same on every delivery, so that a redelivered one has
 * the same row identity even without a time of its own.
 */
export function journalSource(options: JournalSourceOptions): Source {
  return onMessage => {
    const { broker, clientId, filters, window, expirySeconds, source } = options;
    const tell = (state: SourceState): void => options.onState?.(state);
    const waits = backoff();
    let consumer: Consumer | undefined;
    let puller: Pull | undefined;
    let retry: NodeJS.Timeout | undefined;
    let paused = false;
    let closed = false;

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
        if (!refused) retry = setTimeout(() => void start(), waits.next());
        return;
      }
      if (closed) return consumer.detach();
      puller = run(consumer);
      if (paused) puller.pause();
      tell({ state: 'subscribed', via: 'journal', detail: undefined });
    }

    function run({ journal, reader }: Consumer): Pull {
      const seqs: number[] = [];
      const inOrder: Ordered = ordered(() => own.ack(seqs.shift() as number));
      const own: Pull = pull(journal, reader, {
        window,
        onFull: options.onWindow,
        deliver({ seq, meta, blob }) {
          const { topic, at, by, dup = false } = decodeMessage(meta);
          // PUBACK lost with the broker: the publisher sends again, and the journal has both.
          const receipt = by === undefined ? undefined : { key: `${by}:${digest(blob)}`, redelivered: dup };
          const number = inOrder.take();
          seqs.push(seq);
          const raw = { topic, bytes: blob, receivedAt: at, source, protocol: 'mqtt', sequence: seq } as const;
          onMessage(receipt === undefined ? raw : { ...raw, receipt }, settled => {
            if (settled.ok) inOrder.settle(number);
          });
        },
      });
      return own;
    }

    void start();
    return {
      pause() {
        paused = true;
        puller?.pause();
      },
      resume() {
        paused = false;
        puller?.resume();
      },
      async close() {
        closed = true;
        clearTimeout(retry);
        puller?.stop();
        consumer?.detach();
        tell({ state: 'closed' });
      },
    };
  };
}
