// A database of its own for a suite of tests, migrated unless said otherwise, with a store on it or as other programs see it.
import pg from 'pg';
import { migrate } from '../../src/store/migrate.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { postgresFor, type TestPostgres } from './postgres.ts';

export type TestDatabase = { readonly server: TestPostgres; readonly store: Store };

/** Adds the hooks to the suite that calls it; its members are there from then on, in later `before` hooks too. */
export function onDatabase({ migrated = true } = {}): TestDatabase {
  let server: TestPostgres | undefined;
  let store: Store | undefined;
  before(async function () {
    server = await postgresFor(this);
    if (migrated) await migrate(server.url);
    store = openStore({ url: server.url });
  });
  after(async () => {
    await store?.close();
    await server?.stop();
  });
  return {
    get server() {
      return server as TestPostgres;
    },
    get store() {
      return store as Store;
    },
  };
}

/** The same, and a connection as psql or Grafana have it: without the mark of Fieldline's own ones. */
export function onClient() {
  let client: pg.Client | undefined;
  // Ends before the server does: hooks run in the order in which they were added.
  after(() => client?.end());
  const database = onDatabase();
  before(async () => {
    client = new pg.Client({ connectionString: database.server.url });
    await client.connect();
  });
  return {
    get server() {
      return database.server;
    },
    get client() {
      return client as pg.Client;
    },
    rows: async (sql: string, values?: unknown[]) => (await (client as pg.Client).query(sql, values)).rows,
  };
}
