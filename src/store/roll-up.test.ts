// The roll-up of flow data's hours on a real PostgreSQL: at every moment the view tells what all rows together do.
import assert from 'node:assert/strict';
import pg from 'pg';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import { migrate } from './migrate.ts';
import { rollUp } from './roll-up.ts';
import { openStore, type Store } from './store.ts';

/** A store, or a client in the middle of a transaction. */
type Asked = { query(sql: string, values: unknown[]): Promise<unknown> };

/** The same without any roll-up, read from all rows. */
const WHOLE = `SELECT device_id, date_trunc('hour', created_at, 'UTC') AS hour, avg(flow_rate) AS avg_flow_rate,
    max(flow_rate) AS max_flow_rate, min(flow_rate) AS min_flow_rate, coalesce(sum(volume), 0) AS total_volume, count(*) AS readings
  FROM (SELECT f.*, totalizer_increment(
      lag(f.totalizer) OVER (PARTITION BY f.device_id, f.totalizer IS NULL ORDER BY f.created_at, f.id),
      f.totalizer, NULL) AS volume FROM flow_data f) AS increments
  GROUP BY 1, 2 ORDER BY 1, 2`;
const VIEW = 'SELECT * FROM flow_data_hourly ORDER BY device_id, hour';

describe('roll-up of flow data', () => {
  let server: TestPostgres;
  let store: Store;
  let client: pg.Client;
  before(async function () {
    server = await postgresFor(this);
    await migrate(server.url);
    store = openStore({ url: server.url, connections: 2 });
    client = new pg.Client({ connectionString: server.url });
    await client.connect();
  });
  after(async () => {
    await client?.end();
    await store?.close();
    await server?.stop();
  });
  beforeEach(() => client.query('TRUNCATE flow_data, flow_hours, flow_windows, devices'));

  const insert = (rows: readonly [device: string, at: Date, total: number | null][], by: Asked = store) =>
    by.query(
      `INSERT INTO flow_data (device_id, created_at, flow_rate, totalizer)
       SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::float8[], $4::float8[])`,
      [
        rows.map(([device]) => device),
        rows.map(([, at]) => at.toISOString()),
        rows.map(([, at]) => at.getUTCMinutes()),
        rows.map(([, , total]) => total),
      ],
    );
  const numbers = (rows: readonly Record<string, unknown>[]) =>
    rows.map(row => ({ ...row, total_volume: Number(row['total_volume']).toFixed(6) }));
  async function same(what: string): Promise<number> {
    const [whole, view] = [(await client.query(WHOLE)).rows, (await client.query(VIEW)).rows];
    assert.deepEqual(numbers(view), numbers(whole), what);
    return view.length;
  }
  const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute));
  const hoursRolled = async () => Number((await client.query('SELECT count(*) FROM flow_hours')).rows[0].count);

  it('rolls up what is over, and the view is the same before, between and after', async () => {
    await insert(Array.from({ length: 200 }, (_, n) => ['f', at(7 * n), n % 90]));
    assert.equal(await same('before'), 24);
    assert.equal(await rollUp(store.query), 24);
    await same('rolled up');
    assert.equal(await rollUp(store.query), 0, 'nothing is left to do');
    await insert([['f', at(7 * 200), 300]]);
    await same('goes on');
    await rollUp(store.query);
    await same('rolled up again');
  });

  it('takes in what comes late, in the middle, at the edge, and before everything', async () => {
    await insert([0, 50, 70, 130, 200].map(minute => ['f', at(minute), minute]));
    await rollUp(store.query);
    for (const minute of [60, 61, 59, 125, -30, 190]) {
      await insert([['f', at(minute), minute + 0.5]]);
      await same(`late by ${minute}`);
      if (minute % 2 === 1) await rollUp(store.query);
      await same(`late by ${minute}, rolled up`);
    }
  });

  it('keeps the last two hours open', async () => {
    const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000);
    await insert([600, 300, 200, 100, 50, 10, 0].map((minutes, n) => ['f', ago(minutes), n * 10]));
    await rollUp(store.query);
    const [{ since }] = (await client.query('SELECT since FROM flow_windows')).rows;
    assert.ok(since <= ago(120));
    const [before] = (await client.query('SELECT xmin, ctid FROM flow_windows')).rows;
    await insert([['f', ago(1), 75]]);
    assert.deepEqual(
      (await client.query('SELECT xmin, ctid FROM flow_windows')).rows[0],
      before,
      'rows of now touch nothing',
    );
    await same('rows of now');
  });

  it('tells the same for many devices, whatever comes when', async () => {
    // A small generator with a seed, so that a failure can be repeated.
    let state = 42;
    const random = (below: number) => {
      state = (state * 1103515245 + 12345) % 2 ** 31;
      return Math.floor((state / 2 ** 31) * below);
    };
    for (let round = 0; round < 25; round++) {
      const rows = Array.from({ length: 1 + random(20) }, (): [string, Date, number | null] => [
        `d${random(4)}`,
        at(random(60 * 12)),
        random(5) === 0 ? null : random(1000),
      ]);
      await insert(rows);
      if (random(2) === 0) await rollUp(store.query);
      await same(`round ${round}`);
    }
    assert.ok((await hoursRolled()) > 10);
  });

  it('waits for a late row that is not committed yet, and does not lose it', async () => {
    await insert([0, 70, 140].map(minute => ['f', at(minute), minute]));
    await client.query('BEGIN');
    await insert([['f', at(20), 20]], client);
    const rolled = rollUp(store.query);
    const waits = async () =>
      (await store.query<{ n: number }>(`SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'`))[0]
        ?.n === 1;
    while (!(await waits())) await new Promise(resolve => setImmediate(resolve));
    await client.query('COMMIT');
    await rolled;
    await same('committed while the roll-up waited');
    assert.equal(await hoursRolled(), 3);
  });

  it('makes hours anew after rows were taken out by hand', async () => {
    await insert([0, 30, 70, 100].map(minute => ['f', at(minute), minute]));
    await rollUp(store.query);
    await client.query('DELETE FROM flow_data WHERE created_at = $1', [at(30)]);
    await client.query('SELECT reopen_flow_hours($1, $2)', ['f', at(30)]);
    await same('reopened');
  });

  it('does not read the rows of rolled up hours', async () => {
    await insert(Array.from({ length: 500 }, (_, n) => ['f', at(11 * n), n]));
    await rollUp(store.query);
    const { rows } = await client.query(
      `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM flow_data_hourly WHERE device_id = 'f'`,
    );
    const plan = rows.map(row => row['QUERY PLAN']).join('\n');
    const read = [...plan.matchAll(/flow_data\w* .*rows=([\d.]+)/g)].map(match => Number(match[1]));
    assert.ok(Math.max(0, ...read) < 10, plan);
  });
});
