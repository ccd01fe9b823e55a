// api: how soon the HTTP API answers, on 1,000 devices and 20 million readings; and which partitions a history reads.
import pg from 'pg';
import { openWorld, type World } from '../../src/api/api.fixture.ts';
import { listDevices } from '../../src/api/devices.ts';
import { historySql } from '../../src/api/history.ts';
import { historyRequest } from '../../src/api/history-request.ts';
import { isProblem } from '../../src/api/problem.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openStore } from '../../src/store/store.ts';
import { startPostgres } from '../../test/support/postgres.ts';
import { type Figure, ms, type Report } from '../figure.ts';
import { load, percentile } from '../machine.ts';

const DEVICES = 1000;
const METRICS = 5;
const ROWS = Number(process.env['FIELDLINE_BENCH_ROWS'] ?? 20_000_000);
/** Devices with a reading each minute (E25). */
const SERIES = 100;
const MINUTES = Math.ceil(ROWS / SERIES);
const WRITERS = 3;
const START = Date.UTC(2026, 0, 1);

/** Minute by minute, all devices of a minute together, as they come in: the rows of one device lie far apart. */
const fillSql = `INSERT INTO sensor_readings (device_id, metric, value, timestamp, protocol, digest)
  SELECT 'd' || device, 'humidity', 40 + device % 7 + sin(minute / 200.0), to_timestamp($1) + minute * interval '1 minute', 'mqtt',
    md5(minute || ' ' || device)::uuid
  FROM generate_series($2::int, $3::int - 1) AS minute, generate_series(1, ${SERIES}) AS device`;

async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const fill = (url: string): Promise<void> =>
  connected(url, async client => {
    for (let at = START; at < START + (MINUTES + 40_000) * 60_000; at += 28 * 86_400_000)
      await client.query(`SELECT prepare_month('sensor_readings', $1)`, [new Date(at)]);
    // An index over all rows at once is made in a third of the time that it takes to add to it row by row.
    const { rows } = await client.query(`SELECT pg_get_indexdef('sensor_readings_identity'::regclass) AS sql`);
    await client.query('DROP INDEX sensor_readings_identity');
    const each = Math.ceil(MINUTES / WRITERS);
    await Promise.all(
      Array.from({ length: WRITERS }, (_, writer) => {
        const range = [writer * each, Math.min(MINUTES, (writer + 1) * each)];
        return connected(url, own => own.query(fillSql, [START / 1000, ...range]));
      }),
    );
    await client.query(String(rows[0].sql).replace(' ON ONLY ', ' ON '));
    await client.query(`INSERT INTO devices (device_id, name, class, last_seen, org_id)
      SELECT 'd' || n, 'Device ' || n, 'hygrometer', now() - n * interval '1 second', 'north'
      FROM generate_series(1, ${DEVICES}) AS n ON CONFLICT (device_id) DO UPDATE SET name = excluded.name`);
    await client.query(`INSERT INTO latest_values (device_id, metric, value, timestamp)
      SELECT 'd' || n, 'metric_' || m, n + m, now() FROM generate_series(1, ${DEVICES}) AS n, generate_series(1, ${METRICS}) AS m`);
    for (const table of ['sensor_readings', 'devices', 'latest_values']) await client.query(`VACUUM ANALYZE ${table}`);
  });

async function timed(report: Report, name: string, times: number, ask: (n: number) => Promise<unknown>): Promise<void> {
  const took: number[] = [];
  for (let n = 0; n < times; n++) {
    const began = performance.now();
    await ask(n);
    took.push(performance.now() - began);
  }
  report.row(name, times, ...[0.5, 0.99, 1].map(part => ms(percentile(took, part))), load().toFixed(1));
}

async function read(world: World, path: string): Promise<void> {
  const answer = await world.get(path);
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
}

export const api: Figure = {
  says: `how soon the HTTP API answers, on ${DEVICES} devices and ${ROWS / 1e6} million readings`,
  defaults: { runs: 1, seconds: 10 },
  async run(_options, report) {
    // How the rows came in does not matter here, only how they are read.
    const quick = { fsync: 'off', synchronous_commit: 'off', max_wal_size: '8GB', maintenance_work_mem: '512MB' };
    const postgres = await startPostgres({ ...quick, shared_buffers: '1GB' });
    const store = openStore({ url: postgres.url });
    let world: World | undefined;
    try {
      await migrate(postgres.url);
      const began = performance.now();
      await fill(postgres.url);
      const filled = Math.round((performance.now() - began) / 1000);
      report.table(
        `${DEVICES} devices, ${METRICS} values each; ${ROWS / 1e6} million readings of ${SERIES} devices, one a minute`,
        [...['request', 'times', 'p50 ms', 'p99 ms', 'longest ms', 'load']],
      );
      world = await openWorld(store.query);
      const at = world;
      await timed(report, 'devices with latest values, from the database', 500, async () =>
        JSON.stringify(await listDevices(store.query)),
      );
      await timed(report, 'GET /api/devices', 500, () => read(at, '/api/devices'));
      const day = (n: number) => {
        const from = START + ((n * 7919) % Math.max(1, MINUTES - 1440)) * 60_000;
        return `start=${new Date(from).toISOString()}&end=${new Date(from + 86_400_000).toISOString()}`;
      };
      const device = (n: number) => `device=d${1 + ((n * 31) % SERIES)}`;
      await timed(report, 'GET /api/history, 24 h of one device by the hour', 100, n =>
        read(at, `/api/history?${device(n)}&metric=humidity&bucket=1h&${day(n)}`),
      );
      await timed(report, 'GET /api/history, everything of one device, 500 points', 10, n =>
        read(at, `/api/history?${device(n)}&metric=humidity&start=2026-01-01&end=2027-01-01`),
      );
      await timed(report, 'GET /rest/v1/sensor_readings, newest 100 of one device', 50, n =>
        read(at, `/rest/v1/sensor_readings?device_id=eq.d${1 + n}&metric=eq.humidity&order=timestamp.desc&limit=100`),
      );
      await explain(postgres.url, report);
      report.note(`Filled in ${filled} s.`);
    } finally {
      await world?.close();
      await store.close();
      await postgres.stop();
    }
  },
};

/** Which tables the plan of a day's history names. */
async function explain(url: string, report: Report): Promise<void> {
  const request = historyRequest(
    { device: 'd7', metric: 'humidity', bucket: '1h', start: '2026-02-10', end: '2026-02-11' },
    START,
  );
  if (isProblem(request)) throw new Error(request.detail);
  const { sql, values } = historySql(request, undefined);
  const { rows } = await connected(url, client => client.query(`EXPLAIN ${sql}`, values));
  const plan = rows.map(row => String(row['QUERY PLAN'])).join('\n');
  const tables = [...new Set([...plan.matchAll(/ on (\w+)/g)].map(([, name]) => name))];
  report.note(`The plan of 10 February reads: ${tables.join(', ')}.`);
}
