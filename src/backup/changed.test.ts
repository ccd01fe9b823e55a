// Tables that an operator has changed, and indexes on tables in partitions: after a restore they are as they were, and work.
import assert from 'node:assert/strict';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import { backup, readings, restore, shapeOf } from '../../test/support/full-database.ts';
import { readingSink } from '../sinks/readings.ts';
import { migrate } from '../store/migrate.ts';
import { openStore } from '../store/store.ts';

describe('a backup of tables that an operator has changed', () => {
  let server: TestPostgres;
  before(async function () {
    server = await postgresFor(this);
    // There they are hypertables, which come back in another way.
    if (server.variant === 'timescale') this.skip();
  });
  after(() => server?.stop());

  const cases: readonly [name: string, ...statements: string[]][] = [
    ['a column was renamed', 'ALTER TABLE sensor_readings RENAME COLUMN metric TO metric_x'],
    [
      'a column is of another type',
      'ALTER TABLE sensor_readings ALTER COLUMN value TYPE text',
      `UPDATE sensor_readings SET value = 'n/a'`,
    ],
    [
      'a column may be empty',
      'ALTER TABLE energy_readings ALTER COLUMN device_id DROP NOT NULL',
      `INSERT INTO energy_readings (device_id, timestamp) VALUES (NULL, '2020-01-01Z')`,
    ],
  ];
  for (const [at, [name, ...statements]] of cases.entries())
    it(`is restored where ${name}`, async () => {
      const [source, target] = [await server.database(`changed_${at}`), await server.database(`restored_${at}`)];
      await migrate(source);
      const store = openStore({ url: source, connections: 1 });
      try {
        await readingSink({ query: store.prepared, bulk: store.bulk, target: 'out' }).write(readings);
        for (const sql of statements) await store.query(sql);
      } finally {
        await store.close();
      }
      const taken = await backup(source);
      await restore(target, taken);
      const again = await backup(target);
      assert.deepEqual(again.sums, taken.sums);
      assert.deepEqual(shapeOf(again.head), shapeOf(taken.head));
    });

  for (const [at, [name, alter, lacks]] of (
    [
      ['was dropped', '', ['constraint dead_letters_kind_check of dead_letters']],
      ['was changed', `ALTER TABLE dead_letters ADD CONSTRAINT dead_letters_kind_check CHECK (kind <> 'x')`, []],
      [
        'lets pass what was there',
        'ALTER TABLE dead_letters ADD CONSTRAINT dead_letters_kind_check CHECK (kind <> $$own$$) NOT VALID',
        [],
      ],
    ] as const
  ).entries())
    it(`is restored where a CHECK of a table ${name}, with its rows`, async () => {
      const [source, target] = [
        await server.database(`unchecked_${at}`),
        await server.database(`unchecked_again_${at}`),
      ];
      await migrate(source);
      const store = openStore({ url: source, connections: 1 });
      await store.query(`ALTER TABLE dead_letters DROP CONSTRAINT dead_letters_kind_check;
        INSERT INTO dead_letters (kind, source, reason, bytes, digest) VALUES ('own', 's', 'r', '', md5('d')::uuid);
        CREATE TABLE own (n int); INSERT INTO own VALUES (-1); ALTER TABLE own ADD CONSTRAINT positive CHECK (n > 0) NOT VALID;
        ${alter}`);
      await store.close();
      const taken = await backup(source);
      await restore(target, taken, lacks);
      const again = await backup(target);
      assert.deepEqual(again.sums, taken.sums);
      assert.deepEqual(shapeOf(again.head), shapeOf(taken.head));
    });

  for (const [at, [name, alter, lacks]] of (
    [
      [
        'rows that are there twice since it was dropped',
        `ALTER TABLE devices DROP CONSTRAINT devices_pkey; INSERT INTO devices (device_id, name) VALUES ('d', 'a'), ('d', 'b')`,
        [
          /^key devices devices_pkey: .* Key \(device_id\)=\(d\) is duplicated; remove all but one, then run the statement$/,
        ],
      ],
      [
        'a time series with rows that are there twice',
        `DROP INDEX energy_readings_identity; INSERT INTO energy_readings SELECT * FROM energy_readings LIMIT 1`,
        [/^index energy_readings_identity: .* Key \(.*\)=\(.*\) is duplicated; remove all but one/],
      ],
      ['no row twice', 'ALTER TABLE devices DROP CONSTRAINT devices_pkey', []],
      [
        'rows that only a wider one tells apart',
        `ALTER TABLE devices DROP CONSTRAINT devices_pkey, ADD CONSTRAINT devices_pkey PRIMARY KEY (device_id, metadata);
         INSERT INTO devices (device_id, metadata) VALUES ('d', '{"a":1}'), ('d', '{"a":2}')`,
        [],
      ],
    ] as const
  ).entries())
    it(`is restored where a key of a table was dropped or changed, with ${name}`, async () => {
      const [source, target] = [await server.database(`keyless_${at}`), await server.database(`keyless_again_${at}`)];
      await migrate(source);
      const store = openStore({ url: source, connections: 1 });
      await readingSink({ query: store.prepared, bulk: store.bulk, target: 'out' }).write(readings);
      await store.query(alter);
      await store.close();
      const taken = await backup(source);
      const notMade = await restore(target, taken, 'some');
      assert.equal(notMade.length, lacks.length, JSON.stringify(notMade));
      for (const [n, { key, reason }] of notMade.entries()) assert.match(`${key}: ${reason}`, lacks[n]!);
      assert.deepEqual((await backup(target)).sums, taken.sums);
      const again = openStore({ url: target, connections: 1 });
      const keys = await again.query(
        "SELECT FROM pg_class WHERE relname IN ('devices_pkey', 'energy_readings_identity')",
      );
      await again.close();
      assert.equal(keys.length, 2 - lacks.length);
    });

  it('brings back indexes on all partitions, which are asked and refuse what is there twice', async () => {
    const [source, target] = [await server.database('indexed'), await server.database('indexed_again')];
    await migrate(source);
    const store = openStore({ url: source, connections: 1 });
    await readingSink({ query: store.prepared, bulk: store.bulk, target: 'out' }).write(readings);
    await store.query('CREATE INDEX "by ONLY protocol" ON sensor_readings (protocol)');
    await store.query('CREATE TABLE own (id int, at timestamptz) PARTITION BY RANGE (at)');
    await store.query(`CREATE TABLE own_2026 PARTITION OF own FOR VALUES FROM ('2026-01-01Z') TO ('2027-01-01Z')`);
    await store.query('CREATE UNIQUE INDEX own_once ON own (id, at)');
    const once = `INSERT INTO own VALUES (1, '2026-05-01Z') ON CONFLICT (id, at) DO NOTHING RETURNING id`;
    await store.query(once);
    await store.query('CREATE INDEX "of one" ON own_2026 (at)');
    await store.close();
    const taken = await backup(source);
    assert.deepEqual(taken.lacking, ['indexes of single partitions: "of one"']);
    await restore(target, taken);
    const restored = openStore({ url: target, connections: 1 });
    try {
      const invalid = 'SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid';
      assert.deepEqual(await restored.query(invalid), []);
      assert.deepEqual(await restored.query(once), []);
    } finally {
      await restored.close();
    }
  });
});
