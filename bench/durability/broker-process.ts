// The embedded broker in a process of its own, so that it can be killed while the gateway lives; started by broker-apart.ts.
import { openJournal } from '../../src/delivery/journal/journal.ts';
import { startBroker } from '../../src/mqtt/broker.ts';

const [file = '', port = '0'] = process.argv.slice(2);
const journal = await openJournal(file);
const broker = await startBroker({ journal, host: '127.0.0.1', port: Number(port) });

async function stop(): Promise<void> {
  await broker.close();
  await journal.close();
  process.exit(0);
}

process.once('SIGTERM', () => void stop());
// Not to outlive a bench that failed.
process.once('disconnect', () => process.exit(1));
process.send?.('listening');
