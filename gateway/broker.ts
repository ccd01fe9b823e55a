// The embedded broker: a process of its own on a journal in the data directory, started again when it ends; MQTT over WebSocket on PORT.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { openJournals } from '../src/delivery/journal/journal.ts';
import { backoff } from '../src/kernel/backoff.ts';
import { Fault, reasonOf } from '../src/kernel/fault.ts';
import { type BrokerState, brokerLimits } from '../src/mqtt/broker.ts';
import type { FromBroker } from '../src/mqtt/broker-words.ts';
import type { JournalBroker } from '../src/mqtt/consumers.ts';
import { type RemoteBroker, remoteBroker } from '../src/mqtt/remote-broker.ts';
import type { FromProcess, ToProcess } from './broker-channel.ts';
import type { Address } from './environment.ts';
import type { Upgrade } from './front.ts';
import type { Log } from './log.ts';
import type { Processes } from './processes.ts';

export type EmbeddedBroker = {
  broker: JournalBroker & { readonly host: string; readonly port: number };
  /** Undefined while its process is started again. */
  state(): BrokerState | undefined;
  /** Does its process do anything? One that is stopped or hangs says nothing for two seconds, and false at once after that. */
  answers(): Promise<boolean>;
  upgrade: Upgrade;
  close(): Promise<void>;
};

type BrokerSettings = {
  directory: string;
  listen: Address;
  processes: Processes;
  /** Login of an MQTT client; left out, everybody who reaches the port may connect. */
  authenticate?: (user: string, password: string, clientId: string) => boolean;
  log: Log;
};

const program = import.meta.url.endsWith('.ts') ? './broker-process.ts' : './broker-process.js';
// Messages live for milliseconds there: a small young generation holds them.
const FLAGS = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=8'];
const CLOSE_MS = 900;
const ANSWER_LIMIT_MS = 2000;
const JOURNAL = 'broker.journal';

/** Resolves when it listens. Rejects with a Fault of code FIELDLINE_PORT_IN_USE when it cannot. */
export async function openEmbeddedBroker(settings: BrokerSettings): Promise<EmbeddedBroker> {
  const { directory, authenticate, log } = settings;
  const remote = remoteBroker({ authenticate, log });
  const waits = backoff(100, 5000);
  let closed = false;
  let retry: NodeJS.Timeout | undefined;
  let child: ChildProcess | undefined;
  let answers: Launched['answers'] = async () => false;
  let listen = settings.listen;

  async function start(): Promise<void> {
    const started = launch(settings, listen);
    ({ child, answers } = started);
    void once(started.child, 'exit').then(([code, signal]) => {
      if (child !== started.child) return;
      child = undefined;
      remote.lose(`it ended with ${signal ?? `exit code ${code}`}`);
      if (closed) return;
      log('error', 'the broker ended and is started again', { code, signal });
      retry = setTimeout(
        () => start().catch(error => log('error', 'the broker does not start', { reason: reasonOf(error) })),
        waits.next(),
      );
    });
    listen = await started.opened(remote);
    waits.reset();
  }

  await start().catch(error => {
    closed = true;
    clearTimeout(retry);
    throw error;
  });
  const file = path.join(directory, JOURNAL);
  openJournals.set(file, remote);
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: brokerLimits.packetBytes,
    // [MQTT-6.0.0-3]; a client that names no subprotocol is served as well.
    handleProtocols: offered => (offered.has('mqtt') ? 'mqtt' : offered.has('mqttv3.1') ? 'mqttv3.1' : false),
  });
  const target = { ...listen, host: listen.host === '::' || listen.host === '0.0.0.0' ? 'localhost' : listen.host };
  return {
    broker: { ...listen, register: remote.register, release: remote.release },
    state: remote.state,
    answers: () => answers(),
    upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      sockets.handleUpgrade(request, socket, head, accepted => {
        const near = createWebSocketStream(accepted);
        const far = connect(target);
        near.pipe(far).pipe(near);
        // Either end may go at any time; the other goes with it.
        for (const [one, other] of [
          [near, far],
          [far, near],
        ] as const) {
          one.on('error', () => one.destroy());
          one.on('close', () => other.destroy());
        }
      }),
    async close() {
      closed = true;
      clearTimeout(retry);
      openJournals.delete(file);
      const last = child;
      if (last === undefined) return;
      const gone = once(last, 'exit');
      if (last.connected) last.send({ close: true } satisfies ToProcess, () => {});
      const hard = setTimeout(() => last.kill('SIGKILL'), CLOSE_MS);
      await gone;
      clearTimeout(hard);
    },
  };
}

type Launched = {
  child: ChildProcess;
  answers(): Promise<boolean>;
  /** Where it listens, once it does; from then on it serves `remote`. */
  opened(remote: RemoteBroker): Promise<Address>;
};

function launch({ directory, processes, authenticate, log }: BrokerSettings, { host, port }: Address): Launched {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), [], {
    serialization: 'advanced',
    execArgv: FLAGS,
    cwd: directory,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const { pid } = child;
  if (pid !== undefined) processes.record('broker', pid);
  child.once('exit', () => pid !== undefined && processes.forget(pid));
  child.on('error', error => log('error', 'the process of the broker failed', { reason: error.message }));
  const file = path.join(directory, JOURNAL);
  child.send({ open: { file, host, port, guarded: authenticate !== undefined } } satisfies ToProcess, () => {});
  return {
    child,
    answers: questions(child),
    opened: remote =>
      new Promise((resolve, reject) => {
        child.once('exit', () =>
          reject(new Fault('FIELDLINE_BROKER', 'the process of the embedded broker ended', { kind: 'outage' })),
        );
        child.on('message', (message: FromBroker | FromProcess) => {
          if ('unopened' in message) {
            const { code, kind, reason } = message.unopened;
            return reject(new Fault(code, reason, { kind }));
          }
          if ('answered' in message) return child.emit('answered');
          if (!('opened' in message)) return remote.hear(message);
          if (message.loss !== undefined) log('error', 'the journal of the broker was damaged', { loss: message.loss });
          // A channel that broke is followed by the end of its process.
          remote.attach(word => child.connected && child.send(word, () => {}));
          resolve(message.opened);
        });
      }),
  };
}

/** One question at a time: whoever does nothing reads none of them. */
function questions(child: ChildProcess): () => Promise<boolean> {
  let asked: { at: number; answered: Promise<true> } | undefined;
  return async () => {
    if (asked === undefined) {
      const answered = new Promise<true>(resolve => {
        child.once('answered', () => {
          asked = undefined;
          resolve(true);
        });
      });
      asked = { at: performance.now(), answered };
      if (child.connected) child.send({ ask: true } satisfies ToProcess, () => {});
    }
    const { at, answered } = asked;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>(resolve => {
      // After a pause of this process itself the answer may lie there already: it is read before an immediate.
      const says = () => setImmediate(() => resolve(false));
      timer = setTimeout(says, Math.max(0, at + ANSWER_LIMIT_MS - performance.now()));
    });
    return Promise.race([answered, late]).finally(() => clearTimeout(timer));
  };
}
