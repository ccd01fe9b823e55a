// Child process of the durability tests: the embedded broker on the file and port of its arguments, until it is killed.
import { openJournal } from '../../src/delivery/journal/journal.ts';
import { startBroker } from '../../src/mqtt/broker.ts';

// Not to outlive a test that failed.
process.on('disconnect', () => process.exit(1));

const [file = '', port = '0'] = process.argv.slice(2);
const journal = await openJournal(file);
const broker = await startBroker({ journal, host: '127.0.0.1', port: Number(port) });
await broker.register('kept', [{ filter: 't/#', qos: 2 }], 3600, () => {});
process.send?.(broker.port);
