// flows/fluxio.json in a running gateway: Modbus to POST to flow_data to statistics, and whoever else posts; seed 004 (E01–E08, E14–E18, E23, E25).
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type pg from 'pg';
import type { FlowNode, Gateway } from '../../bench/gateway.ts';
import { firstKeyOf, type GatewayOnDatabase, gatewayOnDatabase } from '../support/gateway.ts';
import { untilAt } from '../support/until.ts';

const root = path.resolve(import.meta.dirname, '../..');
const flow = JSON.parse(readFileSync(path.join(root, 'flows/fluxio.json'), 'utf8')) as FlowNode[];
const METER = 'demo-flow-1';
type Row = Record<string, unknown>;

describe('flows/fluxio.json', () => {
  let running: GatewayOnDatabase;
  let gateway: Gateway;
  let pool: pg.Pool;
  let first: string;
  let url: string;

  before(async function () {
    running = await gatewayOnDatabase(this, 'fluxio', { FIELDLINE_DEMO: 'on' });
    ({ gateway, pool, url } = running);
    await gateway.deploy('full', () => flow);
    first = await firstKeyOf(gateway);
  });
  after(async () => {
    await running?.remove();
  });

  const rows = async (sql: string): Promise<Row[]> => (await pool.query<Row>(sql)).rows;
  const until = untilAt(() => gateway);
  const post = async (body: unknown, key = first, address = '/api/ingest') => {
    const response = await fetch(gateway.url + address, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': key },
      body: JSON.stringify(body),
    });
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      body: (await response.json()) as Row,
    };
  };
  const keys = async (...argv: string[]): Promise<Row> => {
    const program = path.join(root, 'dist/cli/fieldline.js');
    const { stdout } = await promisify(execFile)(process.execPath, [program, 'keys', ...argv], {
      env: { ...process.env, DATABASE_URL: url },
    });
    return JSON.parse(stdout.split('\n')[0]!) as Row;
  };

  it('the meter is polled and five readings at a time are posted, stored and archived (E01–E03, E06)', async () => {
    await until(
      'ten rows',
      async () => (await rows(`SELECT FROM flow_data WHERE device_id = '${METER}'`)).length >= 10,
    );
    const [row] = await rows(`SELECT * FROM flow_data WHERE device_id = '${METER}' ORDER BY id LIMIT 1`);
    for (const column of ['flow_rate', 'totalizer', 'temperature', 'anomaly_score'])
      assert.equal(typeof row?.[column], 'number', column);
    assert.match(String(row?.['status']), /^\d+$/);
    const [raw] = await rows(
      `SELECT topic, payload, scanner_id FROM raw_advertisements WHERE payload ->> 'device_id' = '${METER}' LIMIT 1`,
    );
    assert.deepEqual([raw?.['topic'], raw?.['scanner_id']], ['http/ingest', 'this gateway']);
    const posts = await rows(
      `SELECT received_at, count(*)::int AS readings FROM raw_advertisements GROUP BY received_at`,
    );
    assert.ok(
      posts.some(({ readings }) => readings === 5),
      JSON.stringify(posts),
    );
  });

  it('the first start made a key and told it; a wrong one is 401 (E04)', async () => {
    assert.equal((await post({ device_id: 'a', flow_rate: 1 })).status, 200);
    assert.equal((await post({ device_id: 'a', flow_rate: 1 }, 'wrong')).status, 401);
    assert.equal((await fetch(`${gateway.url}/api/ingest`, { method: 'POST', body: '{}' })).status, 401);
  });

  it('a body without device or measurement is refused with the reason (E05)', async () => {
    const { status, body } = await post([
      { device_id: 'bad-1', flow_rate: 1 },
      { flow_rate: 1 },
      { device_id: 'bad-2' },
    ]);
    assert.equal(status, 400);
    assert.deepEqual(
      (body['errors'] as Row[]).map(({ item }) => item),
      [1, 2],
    );
    assert.equal((await rows(`SELECT FROM flow_data WHERE device_id LIKE 'bad-%'`)).length, 0);
  });

  it('a gateway has a key of its own: 10 requests a minute, rotated, revoked alone (E07, E23)', async () => {
    const { key } = await keys('create', 'site-7');
    const statuses: number[] = [];
    for (let n = 0; n < 10; n++) statuses.push((await post({ device_id: 'site', flow_rate: n }, String(key))).status);
    assert.deepEqual(new Set(statuses), new Set([200]));
    const late = await post({ device_id: 'site', flow_rate: 11 }, String(key));
    assert.equal(late.status, 429);
    assert.ok(Number(late.retryAfter) > 0 && Number(late.retryAfter) <= 60);
    const { key: fresh } = await keys('rotate', 'site-7');
    assert.equal((await post({ device_id: 'site', flow_rate: 12 }, String(fresh))).status, 200);
    await keys('revoke', 'site-7');
    await until(
      'the key to be refused',
      async () => (await post({ device_id: 'site', flow_rate: 13 }, String(fresh))).status === 401,
    );
    assert.equal((await post({ device_id: 'a', flow_rate: 2 })).status, 200, 'others go on');
  });

  it('a row touches its device and the views tell of it (E08, E14–E18)', async () => {
    const at = (minute: number) => new Date(Date.now() - minute * 60_000).toISOString();
    const readings = [90, 60, 30].map((minute, n) => ({
      ...{ device_id: 'statistics', timestamp: at(minute), flow_rate: n + 1, totalizer: [100, 110, 4][n] },
    }));
    const { body } = await post(readings);
    assert.equal(body['stored'], 3);
    const [device] = await rows(
      `SELECT now() - last_seen < interval '1 minute' AS fresh FROM devices WHERE device_id = 'statistics'`,
    );
    assert.equal(device?.['fresh'], true);
    const [statistics] = await rows(
      `SELECT * FROM get_flow_statistics('statistics', now() - interval '2 hours', now())`,
    );
    assert.deepEqual(
      [statistics?.['avg'], statistics?.['min'], statistics?.['max'], statistics?.['total_volume']],
      [2, 1, 3, 14],
    );
    const [hours] = await rows(
      `SELECT sum(total_volume) AS volume FROM flow_data_hourly WHERE device_id = 'statistics'`,
    );
    assert.equal(hours?.['volume'], 14);
    const [latest] = await rows(`SELECT flow_rate FROM get_latest_flow_data() WHERE device_id = 'statistics'`);
    assert.equal(latest?.['flow_rate'], 3);
    const [summary] = await rows('SELECT * FROM dashboard_summary');
    const devices = await rows('SELECT FROM devices');
    assert.equal(Number(summary?.['total_devices']), devices.length);
    assert.ok(Number(summary?.['online_devices']) > 0);
  });

  it('a post during a restart is told to come again, or is stored (503)', async () => {
    const sent = new Set<number>();
    const statuses = new Set<number>();
    let n = 0;
    let over = false;
    const deployed = gateway.deploy('full', () => flow).finally(() => (over = true));
    while (!over) {
      const number = n++;
      const { status } = await post({ device_id: 'restart', flow_rate: number, timestamp: new Date().toISOString() });
      statuses.add(status);
      if (status < 300) sent.add(number);
    }
    await deployed;
    assert.ok(
      [...statuses].every(status => [200, 202, 503].includes(status)),
      [...statuses].join(),
    );
    await until('what was accepted', async () => {
      const stored = new Set(
        (await rows(`SELECT flow_rate FROM flow_data WHERE device_id = 'restart'`)).map(row => row['flow_rate']),
      );
      return [...sent].every(number => stored.has(number));
    });
  });

  it('takes posts while the database is away, with the keys as last known, and stores them when it is back (E29)', async () => {
    // The editor is answered before every node has started: until then posts are told to come again.
    await until('the deploy before', async () => (await post({ device_id: 'outage', flow_rate: 0 })).status === 200);
    await running.postgres.terminate('SIGQUIT');
    const answers = [];
    for (let n = 1; n <= 5; n++)
      answers.push(await post({ device_id: 'outage', flow_rate: n, timestamp: new Date().toISOString() }));
    assert.deepEqual(
      answers.map(({ status, body }) => [status, body['kept']]),
      answers.map(() => [202, 1]),
      JSON.stringify(answers),
    );
    assert.equal((await post({ device_id: 'outage', flow_rate: 9 }, 'wrong')).status, 401);
    await running.postgres.restart();
    await until('what was kept', async () => {
      const stored = await rows(`SELECT FROM flow_data WHERE device_id = 'outage'`).catch(() => []);
      return stored.length === 6;
    });
  });
});
