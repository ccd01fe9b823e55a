// Set-up of the suites of timescale-out: real Node-RED with its nodes, an empty real PostgreSQL and a look into it, readings of one meter.
import timescaleDbNode from '../../nodes/timescale-db/timescale-db.ts';
import timescaleOutNode from '../../nodes/timescale-out/timescale-out.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { type TestRuntime, testRuntime } from './node-red.ts';
import { postgresFor, type TestPostgres } from './postgres.ts';

/** There while the tests of the suite run. */
export type Plant = { readonly server: TestPostgres; readonly store: Store; readonly runtime: TestRuntime };

/** The n-th of a meter, a millisecond after the one before. */
export function meterReading(n: number, telemetry: Reading['telemetry'] = { power_kw: n }): Reading {
  const timestamp = new Date(Date.UTC(2026, 0, 3, 16) + n).toISOString();
  return { deviceId: 'meter', protocol: 'mqtt', timestamp, telemetry, metadata: {} };
}

/** To be called in a `describe`; skips the suite aloud where PostgreSQL cannot run. */
export function onPlant(): Plant {
  let server: TestPostgres | undefined;
  let store: Store | undefined;
  let runtime: TestRuntime | undefined;
  before(async function () {
    server = await postgresFor(this);
    store = openStore({ url: server.url, connections: 2 });
    runtime = await testRuntime();
    runtime.register(timescaleDbNode, timescaleOutNode);
  });
  after(async () => {
    await runtime?.deploy([]);
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
    get runtime() {
      return runtime as TestRuntime;
    },
  };
}
