// For tests of /rest/v1 with the unmodified @supabase/supabase-js: ten measurements, eight of north and two of south.
import assert from 'node:assert/strict';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { openWorld, tokenFor, type World, writingIntake } from '../../src/api/api.fixture.ts';
import type { Store } from '../../src/store/store.ts';
import { onDatabase } from '../support/database.ts';

export type RestWorld = {
  readonly store: Store;
  readonly world: World;
  client(key: string): SupabaseClient;
  /** Of north. */
  operator(): SupabaseClient;
  anonymous(): SupabaseClient;
};

/** For the body of a `describe`. */
export function restWorld(): RestWorld {
  let world: World;
  const client = (key: string): SupabaseClient =>
    createClient(world.base, key, { auth: { persistSession: false, autoRefreshToken: false } });

  // Ends before the database does: hooks run in the order in which they were added.
  after(() => world?.close());
  const database = onDatabase();
  before(async () => {
    world = await openWorld(database.store.query);
    world.offer(writingIntake(database.store.query));
  });
  beforeEach(async () => {
    const { store } = database;
    await store.query('TRUNCATE measurements, inspections, devices, flow_data');
    await store.query(`INSERT INTO measurements (device_id, session_id, element_type, value_mm, timestamp, anomaly_score, source, org_id)
      SELECT 'd' || n % 2, 's' || n % 3, CASE WHEN n % 4 = 0 THEN NULL ELSE 'gevel' END, n * 100, '2026-02-11T14:00:00Z'::timestamptz + n * interval '1 minute',
        CASE WHEN n = 7 THEN -0.5 ELSE 1 END, 'ble_mobile', CASE WHEN n < 8 THEN 'north' ELSE 'south' END FROM generate_series(0, 9) AS n`);
  });
  afterEach(() => assert.deepEqual(world.faults.splice(0), []));

  return {
    get store() {
      return database.store;
    },
    get world() {
      return world;
    },
    client,
    operator: () => client(tokenFor('operator', 'north')),
    anonymous: () => client('anon'),
  };
}
