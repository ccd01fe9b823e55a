// Set-up of the suites of timescale-out: real Node-RED with its nodes, an empty real PostgreSQL and a look into it, readings of one meter.
import timescaleDbNode from '../../nodes/timescale-db/timescale-db.ts';
import timescaleOutNode from '../../nodes/timescale-out/timescale-out.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { onDatabase, type TestDatabase } from './database.ts';
import { type TestRuntime, testRuntime } from './node-red.ts';

/** There while the tests of the suite run. */
export type Plant = TestDatabase & { readonly runtime: TestRuntime };

/** The n-th of a meter, a millisecond after the one before. */
export function meterReading(n: number, telemetry: Reading['telemetry'] = { power_kw: n }): Reading {
  const timestamp = new Date(Date.UTC(2026, 0, 3, 16) + n).toISOString();
  return { deviceId: 'meter', protocol: 'mqtt', timestamp, telemetry, metadata: {} };
}

/** To be called in a `describe`; skips the suite aloud where PostgreSQL cannot run. */
export function onPlant(): Plant {
  let runtime: TestRuntime | undefined;
  // Ends before the database does: hooks run in the order in which they were added.
  after(() => runtime?.deploy([]));
  const database = onDatabase({ migrated: false });
  before(async () => {
    runtime = await testRuntime();
    runtime.register(timescaleDbNode, timescaleOutNode);
  });
  return {
    get server() {
      return database.server;
    },
    get store() {
      return database.store;
    },
    get runtime() {
      return runtime as TestRuntime;
    },
  };
}
