// Set-up of the suites of timescale-out: real Node-RED with its nodes, an empty real PostgreSQL and a look into it, readings of one meter, faults.
import assert from 'node:assert/strict';
import timescaleDbNode from '../../nodes/timescale-db/timescale-db.ts';
import timescaleOutNode from '../../nodes/timescale-out/timescale-out.ts';
import type { Reading } from '../../src/reading/reading.ts';
import type { Store } from '../../src/store/store.ts';
import { onDatabase, type TestDatabase } from './database.ts';
import { type FlowNode, type TestRuntime, testRuntime } from './node-red.ts';

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

/** Each a millisecond after the one before; without `telemetry` of a power that no other one has. */
export function meterReadings(): (telemetry?: Reading['telemetry'], more?: Partial<Reading>) => Reading {
  let last = 0;
  return (telemetry = { power_kw: ++last }, more = {}) => ({ ...meterReading(++last, telemetry), ...more });
}

/** A source whose readings go into the database at `url`. */
export const intoDatabase = (url: string, settings: object = {}, database: object = {}): FlowNode[] => [
  { id: 'db', type: 'fieldline-timescale-db', url, ...database },
  { id: 'src', type: 'test-source', wires: [['out']] },
  { id: 'out', type: 'fieldline-timescale-out', store: 'db', wires: [[], []], policy: 'memory', ...settings },
];

/** How often a power stands in the table. */
export async function held(store: Store, power: unknown): Promise<number> {
  return (await store.query('SELECT 1 FROM energy_readings WHERE power_kw = $1', [power])).length;
}

/** While `fault` lasts the reading waits and the status says why; afterwards it is there, once. */
export async function waitsOut(
  { runtime, store }: Pick<Plant, 'runtime' | 'store'>,
  reading: Reading,
  says: RegExp,
  fault: () => Promise<unknown>,
  mend: () => Promise<unknown>,
): Promise<void> {
  await fault();
  const settled = runtime.emit('src', { payload: reading });
  try {
    const { fill } = await runtime.untilStatus('out', says);
    assert.equal(fill, 'red');
  } finally {
    await mend();
  }
  assert.deepEqual(await settled, { ok: true });
  assert.equal(await held(store, reading.telemetry['power_kw']), 1);
  await runtime.untilStatus('out', /rows\/s$/);
}
