// The broker's process: aedes and its journal away from the flows, for the gateway that started it. Started by broker.ts.
import { openJournal } from '../src/delivery/journal/journal.ts';
import { Fault, reasonOf } from '../src/kernel/fault.ts';
import { startBroker } from '../src/mqtt/broker.ts';
import { type BrokerHost, brokerHost } from '../src/mqtt/broker-host.ts';
import type { FromBroker, ToBroker } from '../src/mqtt/broker-words.ts';
import type { FromProcess, Open, ToProcess } from './broker-channel.ts';

const TELL_MS = 500;
/** A disk that hangs must not keep the process of a gateway that is gone. */
const END_MS = 1000;

let host: BrokerHost | undefined;
let close: () => Promise<void> = async () => {};

const tell = (message: FromBroker | FromProcess): void => {
  // A gateway that is gone hears nothing; this process ends with it.
  process.send?.(message, undefined, undefined, () => {});
};

async function open({ file, host: address, port, guarded }: Open): Promise<void> {
  const journal = await openJournal(file, { onMended: text => tell({ log: 'error', text }) });
  close = () => journal.close();
  const broker = await startBroker({
    journal,
    host: address,
    port,
    log: (log, text) => tell({ log, text }),
    ...(guarded && {
      authenticate: (user, password, clientId) =>
        host?.login(user ?? '', password?.toString() ?? '', clientId) ?? false,
    }),
  });
  close = async () => {
    await broker.close();
    await journal.close();
  };
  host = brokerHost(broker, to => journal.copyTo(to), tell);
  host.tellState();
  setInterval(host.tellState, TELL_MS);
  tell({ opened: { host: broker.host, port: broker.port }, loss: journal.loss });
}

async function end(): Promise<never> {
  setTimeout(() => process.exit(1), END_MS).unref();
  await close();
  process.exit(0);
}

process.on('disconnect', () => void end());
// The gateway ends this process when it has drained; a signal to the whole group is for the gateway.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => process.connected || void end());
process.on('uncaughtException', error => {
  tell({ log: 'error', text: `the broker ended by an error that nothing caught: ${error.stack}` });
  void end();
});
process.on('unhandledRejection', error =>
  tell({ log: 'error', text: `a promise failed unobserved: ${reasonOf(error)}` }),
);
process.on('message', (message: ToBroker | ToProcess) => {
  if ('close' in message) return void end();
  if ('ask' in message) return tell({ answered: true });
  if (!('open' in message)) return host?.hear(message);
  open(message.open).catch(error => {
    const { code = 'FIELDLINE_BROKER', kind = 'outage' } = error instanceof Fault ? error : {};
    tell({ unopened: { code, kind, reason: reasonOf(error) } });
    void end();
  });
});
