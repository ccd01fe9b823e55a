// For tests of routes over HTTP: a real PostgreSQL, emptied before each test, and the API over it; nothing may go wrong inside.
import assert from 'node:assert/strict';
import { onDatabase } from '../support/database.ts';
import type { Store } from '../../src/store/store.ts';
import { openWorld, type World } from '../../src/api/api.fixture.ts';

export type Row = Record<string, unknown>;
type Headers = Record<string, string>;

export type HttpWorld = {
  readonly store: Store;
  readonly world: World;
  json(path: string, headers?: Headers): Promise<unknown>;
  rows(path: string, headers?: Headers): Promise<Row[]>;
  /** One field of each row. */
  column(name: string, path: string, headers?: Headers): Promise<unknown[]>;
  /** All pages of a list, by the links from one to the next; `meanwhile` runs after each. */
  pages(path: string, headers?: Headers, meanwhile?: () => Promise<unknown>): Promise<Row[][]>;
};

/** For the body of a `describe`. */
export function httpWorld(): HttpWorld {
  const database = onDatabase();
  let world: World;

  beforeEach(async () => {
    const { store } = database;
    await store.query(`TRUNCATE devices, latest_values, measurements, sensor_readings, energy_readings, flow_data,
      inspections, dead_letters, api_keys`);
    world = await openWorld(store.query);
  });
  afterEach(async () => {
    await world.close();
    assert.deepEqual(world.faults, [], 'nothing went wrong inside');
  });

  const json = async (path: string, headers?: Headers): Promise<unknown> => (await world.get(path, headers)).json();
  const rows = async (path: string, headers?: Headers) => (await json(path, headers)) as Row[];
  return {
    get store() {
      return database.store;
    },
    get world() {
      return world;
    },
    json,
    rows,
    column: async (name, path, headers) => (await rows(path, headers)).map(row => row[name]),
    async pages(from, headers, meanwhile) {
      const seen: Row[][] = [];
      for (let path: string | undefined = from; path !== undefined; ) {
        const page: Response = await world.get(path, headers);
        assert.equal(page.status, 200, path);
        seen.push((await page.json()) as Row[]);
        path = /^<(.+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
        await meanwhile?.();
      }
      return seen;
    },
  };
}

/** Three devices: of north, of south and of nobody. */
export async function threeDevices({ query }: Pick<Store, 'query'>): Promise<void> {
  await query(`INSERT INTO devices (device_id, org_id, application_id, last_seen, metadata) VALUES
    ('a', 'north', 'hall', now(), '{"floor": 1, "old": true}'), ('b', 'south', NULL, now() - interval '1 hour', '{}'),
    ('c', NULL, 'hall', NULL, '{}')`);
}
