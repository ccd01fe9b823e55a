// The sink contract over the two sinks on a real PostgreSQL.
import { archive } from '../../src/archive/archive.ts';
import { archiveRow, type ArchiveRow } from '../../src/archive/row.ts';
import { digest } from '../../src/kernel/bytes.ts';
import type { Sink } from '../../src/reading/contracts.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { readingSink } from '../../src/sinks/readings.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { postgresFor, type TestPostgres } from '../support/postgres.ts';
import { sinkContract } from './sink.ts';

const START = Date.UTC(2026, 0, 31, 23, 59);

describe('sinks on PostgreSQL', () => {
  let server: TestPostgres;
  let store: Store;
  before(async function () {
    server = await postgresFor(this);
    await migrate(server.url);
    store = openStore({ url: server.url });
  });
  after(async () => {
    await store?.close();
    await server?.stop();
  });

  const around = (sql: string) => ({
    stored: async () => (await store.query<{ n: number }>(sql)).map(({ n }) => n),
    stop: () => server.terminate('SIGQUIT'),
    start: () => server.restart(),
  });

  sinkContract<Reading>('readings', async () => ({
    sink: readingSink({ query: store.prepared, bulk: store.bulk, target: 'contract' }),
    row: n => ({
      deviceId: `meter-${n % 7}`,
      protocol: 'bluetooth',
      timestamp: new Date(START + n).toISOString(),
      telemetry: { value_mm: n },
      metadata: { digest: digest(`row ${n}`), elementId: 'e' },
    }),
    bad: n => ({
      deviceId: `meter-${n % 7}`,
      protocol: 'bluetooth',
      timestamp: new Date(START + n).toISOString(),
      telemetry: { value_mm: n },
      metadata: { digest: digest(`row ${n}`), elementId: 'nul \0 inside' },
    }),
    ...around('SELECT value_mm AS n FROM measurements ORDER BY id'),
  }));

  sinkContract<ArchiveRow>('raw archive', async () => {
    const row = (n: number, source: string) =>
      archiveRow(
        {
          topic: 'homelab/energy/m',
          source,
          protocol: 'mqtt',
          receivedAt: START + n,
          bytes: Buffer.from(JSON.stringify({ n })),
        },
        START + 1_000_000,
      );
    return {
      sink: archive({ query: store.prepared, bulk: store.bulk, target: 'contract' }) satisfies Sink<ArchiveRow>,
      row: n => row(n, 'gateway'),
      bad: n => row(n, 'nul \0 inside'),
      ...around("SELECT (payload ->> 'n')::int AS n FROM raw_advertisements ORDER BY id"),
    };
  });
});
