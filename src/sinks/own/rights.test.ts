// A writer who has rights to the table alone, while what stands behind it lies in a schema that he may not look into.
import assert from 'node:assert/strict';
import { arrived, columns, onOwnTables, reasonsOf } from '../../../test/support/own-tables.ts';
import { openStore, type Store } from '../../store/store.ts';
import { ownSink } from './sink.ts';

describe('own table sink: a writer without rights to what stands behind the table', () => {
  const { db } = onOwnTables();
  let store: Store;
  before(async () => {
    await db.store.query(`CREATE ROLE hands LOGIN PASSWORD 'secret'; GRANT INSERT, SELECT, UPDATE ON receipts TO hands;
      CREATE SCHEMA hidden; CREATE FUNCTION hidden.seven() RETURNS int LANGUAGE sql AS 'SELECT 7';
      CREATE TYPE hidden.state AS ENUM ('on'); CREATE DOMAIN hidden.small AS int CHECK (value <> 2)`);
    const url = Object.assign(new URL(db.server.url), { username: 'hands', password: 'secret' });
    store = openStore({ url: url.href, connections: 2 });
  });
  after(() => store?.close());

  /** `$`: the table, which does not take 2. */
  const behind: readonly [what: string, sql: string][] = [
    [
      'partition',
      'CREATE TABLE $ (v int CHECK (v <> 2)) PARTITION BY RANGE (v); CREATE TABLE hidden.$ PARTITION OF $ DEFAULT',
    ],
    ['table below a view', 'CREATE TABLE hidden.$ (v int CHECK (v <> 2)); CREATE VIEW $ AS SELECT v FROM hidden.$'],
    ['default', 'CREATE TABLE $ (v int CHECK (v <> 2), s int DEFAULT hidden.seven())'],
    ['type of a default', "CREATE TABLE $ (v int CHECK (v <> 2), s hidden.state DEFAULT 'on')"],
    ['domain', 'CREATE TABLE $ (v hidden.small, s hidden.small)'],
  ];
  for (const [at, [what, sql]] of behind.entries())
    it(`${what}: a row that it does not take holds up no other`, async () => {
      const table = `behind_${at}`;
      await db.store.query(`${sql.replaceAll('$', table)}; GRANT INSERT, SELECT ON ${table} TO hands`);
      const mapping = { table, columns: columns({ v: 'telemetry.v' }), key: '', conflict: 'skip' } as const;
      const sink = ownSink({ query: store.query, bulk: store.bulk, target: table, mapping });
      const [one, two, three] = reasonsOf(await sink.write([1, 2, 3].map(v => arrived(v, { v }))));
      assert.match(two!, /violates check constraint .*SQLSTATE 23514/);
      assert.deepEqual([one, three], ['stored', 'stored']);
      assert.match(reasonsOf(await sink.write([arrived(4, { v: 2 })]))[0]!, /violates check constraint/);
    });
});
