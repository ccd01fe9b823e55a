// The gateway's side of the channel to the broker's process: the same consumers, and what happens to them when that process ends.
import { expected, Fault } from '../kernel/fault.ts';
import { count, gauge } from '../kernel/metrics.ts';
import type { BrokerState } from './broker.ts';
import { type FromBroker, type ToBroker, unpacked } from './broker-words.ts';
import type { Consumer, ConsumerOptions, JournalBroker } from './consumers.ts';

export type RemoteBroker = JournalBroker & {
  /** A process has started: what is registered from now on goes there. */
  attach(tell: (message: ToBroker) => void): void;
  hear(message: FromBroker): void;
  /** The process has ended; consumers hear of it and register again. */
  lose(reason: string): void;
  /** As last told; undefined while there is no process. */
  state(): BrokerState | undefined;
  /** Whole copy of the journal; answers what it lacks. Rejects with a Fault of kind outage when there is none. */
  copyTo(file: string): Promise<string | undefined>;
};

export type RemoteBrokerOptions = {
  authenticate?(user: string, password: string, clientId: string): boolean;
  log(level: 'info' | 'warn' | 'error', text: string): void;
};

type Waiting<T> = { resolve(value: T): void; reject(reason: Fault): void };
type Known = { onTakenOver(): void; options?: ConsumerOptions };

const away = (reason: string): Fault =>
  new Fault('FIELDLINE_BROKER', expected('embedded broker', 'its process', reason), { kind: 'outage' });

export function remoteBroker({ authenticate = () => true, log }: RemoteBrokerOptions): RemoteBroker {
  const registering = new Map<number, Waiting<number>>();
  const copying = new Map<number, Waiting<string | undefined>>();
  const consumers = new Map<number, Known>();
  let tell: ((message: ToBroker) => void) | undefined;
  let state: BrokerState | undefined;
  let lastId = 0;

  /** Sends and waits for the answer with this number. */
  function asked<T>(waiting: Map<number, Waiting<T>>, id: number, message: ToBroker): Promise<T> {
    return new Promise((resolve, reject) => {
      if (tell === undefined) return reject(away('none, it is starting'));
      waiting.set(id, { resolve, reject });
      tell(message);
    });
  }

  function consumer(id: number, known: Known, lastSeq: number): Consumer {
    // What is said to a process that has ended concerns nobody.
    const say = (message: ToBroker): void => {
      if (consumers.get(id) === known) tell?.(message);
    };
    return {
      lastSeq,
      pull(options) {
        known.options = options;
        say({ pull: id, window: options.window });
        return {
          ack: seqs => say({ ack: id, seqs }),
          pause: () => say({ pause: id }),
          resume: () => say({ resume: id }),
          stop() {
            known.options = undefined;
            say({ stop: id });
          },
        };
      },
      detach() {
        say({ detach: id });
        consumers.delete(id);
      },
    };
  }

  return {
    async register(name, filters, expirySeconds, onTakenOver) {
      const id = ++lastId;
      const known: Known = { onTakenOver };
      consumers.set(id, known);
      try {
        const lastSeq = await asked(registering, id, { register: id, name, filters, expirySeconds });
        return consumer(id, known, lastSeq);
      } catch (error) {
        consumers.delete(id);
        throw error;
      }
    },
    async release(release, keepSeconds) {
      tell?.({ release, keepSeconds });
    },
    attach(to) {
      tell = to;
    },
    hear(message) {
      if ('page' in message) consumers.get(message.page)?.options?.deliver(unpacked(message.messages));
      else if ('full' in message) consumers.get(message.full)?.options?.onFull?.(message.is);
      else if ('registered' in message) {
        registering.get(message.registered)?.resolve(message.lastSeq);
        registering.delete(message.registered);
      } else if ('refused' in message) {
        const { refused, code, kind, reason } = message;
        registering.get(refused)?.reject(new Fault(code, reason, { kind }));
        registering.delete(refused);
      } else if ('takenOver' in message) consumers.get(message.takenOver)?.onTakenOver();
      else if ('login' in message) {
        const { login, user, password, clientId } = message;
        tell?.({ login, right: authenticate(user, password, clientId) });
      } else if ('copied' in message) {
        const one = copying.get(message.copied);
        copying.delete(message.copied);
        if (message.fault === undefined) one?.resolve(message.loss);
        else one?.reject(new Fault('FIELDLINE_DIR', message.fault, { kind: 'outage' }));
      } else if ('log' in message) log(message.log, message.text);
      else if ('state' in message) {
        state = message.state;
        showGauges(state);
        for (const { name, labels, by } of message.counted) count(name, by, labels);
      }
    },
    lose(reason) {
      tell = undefined;
      // Its journal lies on the disk as it was.
      gauge('fieldline_broker_clients', 0);
      state = undefined;
      const lost = [...consumers.values()];
      const waiting = [...registering.values(), ...copying.values()];
      for (const map of [consumers, registering, copying]) map.clear();
      for (const one of waiting) one.reject(away(reason));
      for (const { options } of lost) options?.onLost?.(reason);
    },
    state: () => state,
    copyTo: file => asked(copying, ++lastId, { copy: lastId, to: file }),
  };
}

function showGauges({ clients, sessions, retained, journal }: BrokerState): void {
  gauge('fieldline_broker_clients', clients);
  gauge('fieldline_broker_sessions', sessions);
  gauge('fieldline_broker_retained_messages', retained);
  gauge('fieldline_broker_journal_messages', journal.entries);
  gauge('fieldline_broker_journal_bytes', journal.bytes);
  gauge('fieldline_broker_journal_waiting', journal.waiting);
}
