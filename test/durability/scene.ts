// The scene of the durability tests: one PostgreSQL for all of them, and a gateway with a database of its own for each.
import assert from 'node:assert/strict';
import { type Gateway, makeGateway } from '../../bench/gateway.ts';
import type { Progress } from '../../bench/load.ts';
import { DEVICES } from '../../bench/message.ts';
import { openRows, type Rows, verdict } from '../../bench/rows.ts';
import { postgresFor, type TestPostgres } from '../support/postgres.ts';

export type Scene = {
  readonly postgres: TestPostgres;
  readonly gateway: Gateway;
  readonly rows: Rows;
  close(): Promise<void>;
};

let databases = 0;

/** For `before(async function () { scene = await openScene(this); })`: the gateway runs the shipped flow and is ready. */
export async function openScene(context: Mocha.Context): Promise<Scene> {
  const postgres = await postgresFor(context);
  context.timeout(120_000);
  const databaseUrl = await postgres.database(`durability_${++databases}`);
  const gateway = await makeGateway({ databaseUrl });
  const rows = openRows(databaseUrl);
  const close = async () => {
    await rows.close();
    await gateway.remove();
    await postgres.stop();
  };
  try {
    await gateway.start();
  } catch (error) {
    await close();
    throw error;
  }
  return { postgres, gateway, rows, close };
}

/** Everything published was acknowledged, and is there once: as a reading, in the archive, and the last of each device as its latest value. */
export async function assertExact(rows: Rows, { range, unacknowledged }: Progress): Promise<void> {
  const count = await rows.settled(range);
  assert.deepEqual(unacknowledged, [], 'not acknowledged');
  assert.equal(verdict(count), '0 lost, 0 duplicate', `missing from ${count.firstLost.join(', ')}`);
  assert.equal(count.stored, range.next - range.first);
  assert.equal(verdict(await rows.archived(range)), '0 lost, 0 duplicate', 'raw archive');
  const [latest] = await rows.query<{ devices: number; last: number }>(
    `SELECT count(*)::int AS devices, min(value) AS last FROM latest_values
     WHERE metric = 'total_energy_kwh' AND device_id LIKE $1 || '-%' AND value >= $2`,
    [range.prefix, range.next - DEVICES],
  );
  assert.deepEqual(latest, { devices: DEVICES, last: range.next - DEVICES }, 'latest values');
}
