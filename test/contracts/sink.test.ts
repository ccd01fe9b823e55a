// The sink contract over every sink on a real PostgreSQL.
import { archive } from '../../src/archive/archive.ts';
import { archiveRow, type ArchiveRow } from '../../src/archive/row.ts';
import { digest } from '../../src/kernel/bytes.ts';
import type { Sink } from '../../src/reading/contracts.ts';
import type { Reading } from '../../src/reading/reading.ts';
import type { Mapping } from '../../src/sinks/own/plan.ts';
import type { Arrived } from '../../src/sinks/own/rows.ts';
import { ownSink } from '../../src/sinks/own/sink.ts';
import { readingSink } from '../../src/sinks/readings.ts';
import { sinkContract } from './sink.ts';
import { onDatabase } from '../support/database.ts';

const START = Date.UTC(2026, 0, 31, 23, 59);

describe('sinks on PostgreSQL', () => {
  const db = onDatabase();

  const around = (sql: string) => ({
    stored: async () => (await db.store.query<{ n: number }>(sql)).map(({ n }) => n),
    stop: () => db.server.terminate('SIGQUIT'),
    start: () => db.server.restart(),
  });

  sinkContract<Reading>('readings', async () => ({
    sink: readingSink({ query: db.store.prepared, bulk: db.store.bulk, target: 'contract' }),
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

  const own: readonly [name: string, table: string, key: string, conflict: Mapping['conflict']][] = [
    ['own table, what is there is left', 'skipped', 'device, at', 'skip'],
    ['own table, what is there is written over', 'updated', 'device, at', 'update'],
    ['own table, what is there refuses the row', 'strict', 'device, at', 'reject'],
    ['own table without a key', 'loose', '', 'skip'],
  ];
  for (const [name, table, key, conflict] of own)
    sinkContract<Arrived>(name, async () => {
      const unique = key === '' ? '' : `, UNIQUE (${key})`;
      await db.store.query(`CREATE TABLE ${table} (id serial, device varchar(8) NOT NULL, at timestamptz(3) NOT NULL, n int NOT NULL,
        note text${unique})`);
      const row = (n: number, note: string): Arrived => ({
        topic: undefined,
        row: {
          deviceId: `meter-${n % 7}`,
          protocol: 'bluetooth',
          timestamp: new Date(START + n).toISOString(),
          telemetry: { n },
          metadata: { digest: digest(`row ${n}`), extra: { note } },
        } satisfies Reading,
      });
      return {
        sink: ownSink({
          query: db.store.query,
          bulk: db.store.bulk,
          target: `contract ${table}`,
          mapping: {
            table,
            key,
            conflict,
            columns: [
              { column: 'device', from: 'deviceId' },
              { column: 'at', from: 'timestamp' },
              { column: 'n', from: 'telemetry.n' },
              { column: 'note', from: 'metadata.extra.note' },
            ],
          },
        }),
        row: n => row(n, 'good'),
        bad: n => row(n, 'nul \0 inside'),
        ...around(`SELECT n FROM ${table} ORDER BY id`),
      };
    });

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
      sink: archive({ query: db.store.prepared, bulk: db.store.bulk, target: 'contract' }) satisfies Sink<ArchiveRow>,
      row: n => row(n, 'gateway'),
      bad: n => row(n, 'nul \0 inside'),
      ...around("SELECT (payload ->> 'n')::int AS n FROM raw_advertisements ORDER BY id"),
    };
  });
});
