// A migrated database of its own for a suite of tests, and a store on it.
import { migrate } from '../../src/store/migrate.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { postgresFor, type TestPostgres } from './postgres.ts';

export type TestDatabase = { readonly server: TestPostgres; readonly store: Store };

/** Adds the hooks to the suite that calls it; its members are there from then on, in later `before` hooks too. */
export function onDatabase(): TestDatabase {
  let server: TestPostgres | undefined;
  let store: Store | undefined;
  before(async function () {
    server = await postgresFor(this);
    await migrate(server.url);
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
