// The broker's side of the channel: registers and feeds the gateway's consumers, and tells how the broker stands.
import { Fault, reasonOf } from '../kernel/fault.ts';
import { allMetrics } from '../kernel/metrics.ts';
import type { Broker } from './broker.ts';
import { type Counted, type FromBroker, packed, type ToBroker } from './broker-words.ts';
import type { Consumer } from './consumers.ts';
import type { Pull } from './pull.ts';

export type BrokerHost = {
  hear(message: ToBroker): void;
  /** Tells the state where it has changed, and what was counted meanwhile. */
  tellState(): void;
  /** Asks the gateway, which knows the passwords. */
  login(user: string, password: string, clientId: string): Promise<boolean>;
};

type Attached = { consumer: Consumer; pull?: Pull };

export function brokerHost(
  broker: Broker,
  copyTo: (file: string) => Promise<string | undefined>,
  tell: (message: FromBroker) => void,
): BrokerHost {
  const attached = new Map<number, Attached>();
  const logins = new Map<number, (right: boolean) => void>();
  const counted = new Map<object, number>();
  let lastLogin = 0;
  let lastState = '';

  async function register({
    register: id,
    name,
    filters,
    expirySeconds,
  }: Extract<ToBroker, { register: number }>): Promise<void> {
    try {
      const consumer = await broker.register(name, filters, expirySeconds, () => {
        attached.get(id)?.pull?.stop();
        tell({ takenOver: id });
      });
      attached.set(id, { consumer });
      tell({ registered: id, lastSeq: consumer.lastSeq });
    } catch (error) {
      const { code = 'FIELDLINE_BROKER', kind = 'outage' } = error instanceof Fault ? error : {};
      tell({ refused: id, code, kind, reason: reasonOf(error) });
    }
  }

  function pull(id: number, window: number): void {
    const one = attached.get(id);
    if (one === undefined) return;
    one.pull?.stop();
    one.pull = one.consumer.pull({
      window,
      deliver: messages => tell({ page: id, messages: packed(messages) }),
      onFull: is => tell({ full: id, is }),
    });
  }

  return {
    hear(message) {
      if ('register' in message) void register(message);
      else if ('pull' in message) pull(message.pull, message.window);
      else if ('ack' in message) attached.get(message.ack)?.pull?.ack(message.seqs);
      else if ('pause' in message) attached.get(message.pause)?.pull?.pause();
      else if ('resume' in message) attached.get(message.resume)?.pull?.resume();
      else if ('stop' in message) attached.get(message.stop)?.pull?.stop();
      else if ('detach' in message) {
        attached.get(message.detach)?.consumer.detach();
        attached.delete(message.detach);
      } else if ('release' in message)
        // Kept as long as before where the disk does not take the note.
        void broker.release(message.release, message.keepSeconds).catch(() => {});
      else if ('login' in message) {
        logins.get(message.login)?.(message.right);
        logins.delete(message.login);
      } else if ('copy' in message)
        copyTo(message.to).then(
          loss => tell({ copied: message.copy, loss }),
          error => tell({ copied: message.copy, fault: reasonOf(error) }),
        );
    },
    tellState() {
      const news: Counted[] = [];
      for (const sample of allMetrics()) {
        const by = sample.value - (counted.get(sample) ?? 0);
        if (by !== 0 && sample.kind === 'counter') news.push({ name: sample.name, labels: sample.labels, by });
        counted.set(sample, sample.value);
      }
      const state = broker.state();
      const text = JSON.stringify(state);
      if (text === lastState && news.length === 0) return;
      lastState = text;
      tell({ state, counted: news });
    },
    login: (user, password, clientId) =>
      new Promise(resolve => {
        logins.set(++lastLogin, resolve);
        tell({ login: lastLogin, user, password, clientId });
      }),
  };
}
