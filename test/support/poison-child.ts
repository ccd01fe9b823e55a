// Child process of the poison test: drains an outbox into PostgreSQL as timescale-out does, until it is killed or told to end.
import { type Carried, carriedCodec, refusedOf } from '../../nodes/timescale-out/carried.ts';
import { openLink } from '../../src/delivery/link.ts';
import { keepDeadLetters } from '../../src/sinks/dead-letters.ts';
import { readingSink } from '../../src/sinks/readings.ts';
import { openStore } from '../../src/store/store.ts';

const [url = '', file = ''] = process.argv.slice(2);
const store = openStore({ url, connections: 2 });
const sink = readingSink({ query: store.prepared, bulk: store.bulk, target: 'out' });
const link = openLink<Carried>(
  {
    write: rows => sink.write(rows.map(({ row }) => row)),
    close: () => sink.close(),
  },
  {
    target: 'database',
    maxRows: 300,
    policy: { kind: 'disk', file, maxBytes: 1e9, maxAgeMs: Infinity, full: 'block' },
    codec: carriedCodec,
    host: {
      status() {},
      count() {},
      log() {},
      gauge(name, value) {
        if (name === 'fieldline_outbox_rows' && value === 0) process.send?.('empty');
      },
    },
    onDrained: (rows, outcomes) => keepDeadLetters(store.query, 'out', refusedOf(rows, outcomes)),
  },
);
process.on('message', async () => {
  await link.close();
  await store.close();
  process.disconnect();
});
