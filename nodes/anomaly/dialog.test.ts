// The dialog's questions against a real database: what is stored, and what undeployed settings would have said of it.
import assert from 'node:assert/strict';
import { deploy } from '../../src/anomaly/deployed.ts';
import type { Admin, AdminRequest } from '../../src/palette/define.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import { dialog } from './dialog.ts';

describe('dialog of anomaly', () => {
  let server: TestPostgres;
  let store: Store;
  before(async function () {
    server = await postgresFor(this);
    await migrate(server.url);
    store = openStore({ url: server.url, connections: 1 });
    await store.query(`INSERT INTO sensor_readings (device_id, metric, timestamp, value)
      SELECT 'm', 'temperature', timestamptz '2026-01-05Z' + n * interval '1 minute',
        CASE WHEN n = 50 THEN 'NaN' ELSE 20 + sin(n * 12.9898) + CASE n WHEN 800 THEN 30 ELSE 0 END END FROM generate_series(1, 1000) AS n`);
    await store.query(
      `INSERT INTO flow_data (device_id, created_at, temperature) VALUES ('m', '2026-01-05T16:41:00Z', 20.5)`,
    );
    await store.query(`INSERT INTO latest_values (device_id, metric, value, value_text, timestamp)
      VALUES ('m', 'temperature', 20, NULL, now()), ('m', 'state', NULL, 'on', now()), ('k', 'power_kw', 2, NULL, now()), ('laser', 'value_mm', 2, NULL, now()),
        ('m', 'running', 1, 'true', now()), ('f', 'ph', 7, NULL, now()), ('t', 'thrust', 7, NULL, now()), ('t', 'thrust_unit', NULL, 'kN', now())`);
    await store.query(`INSERT INTO sensor_readings (device_id, metric, timestamp, value, value_text)
      SELECT 'm', 'running', timestamptz '2026-01-05Z' + n * interval '1 minute', n % 2, (n % 2 = 1)::text FROM generate_series(1, 300) AS n`);
    // What a flow meter measures beside its columns.
    await store.query(`INSERT INTO flow_data (device_id, created_at, flow_rate, metadata)
      SELECT 'f', timestamptz '2026-01-05Z' + n * interval '1 minute', 5, jsonb_build_object('telemetry', jsonb_build_object('ph', 7 + sin(n * 12.9898) / 10, 'mode', 'auto'))
        FROM generate_series(1, 300) AS n`);
    // Maintenance lifted it twice; of the first time the node knew.
    await store.query(`INSERT INTO sensor_readings (device_id, metric, timestamp, value, anomaly_score, metadata)
      SELECT 't', 'thrust', timestamptz '2026-01-05Z' + n * interval '1 minute', 7 + sin(n * 12.9898) + CASE WHEN n IN (500, 800) THEN 30 ELSE 0 END, 1,
        jsonb_build_object('anomaly', jsonb_build_object('kind', CASE n WHEN 500 THEN 'guarded' ELSE 'normal' END, 'score', 1, 'metric', 'thrust'))
        FROM generate_series(1, 1000) AS n`);
    // Somebody measures a wall of 2 m and, every third time, a door of 800 mm, with pauses of hours.
    await store.query(`INSERT INTO measurements (device_id, element_type, element_id, value_mm, timestamp)
      SELECT 'laser', CASE WHEN n % 3 = 0 THEN 'door' ELSE 'wall' END, CASE WHEN n % 3 = 0 THEN NULL ELSE 'w-1' END,
        CASE WHEN n % 3 = 0 THEN 800 ELSE 2000 END + sin(n * 12.9898),
        timestamptz '2026-01-05Z' + n * interval '1 minute' + n / 50 * interval '7 hours' FROM generate_series(1, 600) AS n`);
  });
  after(async () => {
    await store?.close();
    await server?.stop();
  });

  const ask = async (question: string, body: unknown): Promise<Record<string, unknown>> => {
    const answers = new Map<string, Parameters<Admin['act']>[1]>();
    const act: Admin['act'] = (path, answer) => answers.set(path, answer);
    dialog({ act, read: act });
    const request = { body, node: (id: string) => (id === 'db' ? { query: store.query } : undefined) };
    return (await answers.get(`fieldline/anomaly/${question}`)?.(request as AdminRequest)) as Record<string, unknown>;
  };
  const tried = (settings: object, device = 'm') =>
    ask('try', { store: 'db', device, metric: 'temperature', settings });

  it('lists what has numbers, laser distances by element', async () =>
    assert.deepEqual(await ask('series', { store: 'db' }), {
      series: [
        { device: 'door', metric: 'value_mm' },
        { device: 'f', metric: 'ph' },
        { device: 'k', metric: 'power_kw' },
        { device: 'm', metric: 'temperature' },
        { device: 't', metric: 'thrust' },
        { device: 'w-1', metric: 'value_mm' },
      ],
    }));

  it('says what is missing, without a failure, when it opens before the database is deployed', async () =>
    assert.deepEqual(await ask('series', { store: 'new' }), {
      series: [],
      says: 'store: expected a timescale-db node that is deployed, got "new"',
    }));

  it('tries settings as they stand in the form, on all tables that hold the metric', async () => {
    const all = await tried({});
    assert.deepEqual([all['scored'], all['found'], Number(all['falseAlarmsADay']).toFixed(3)], [1000, 1, '0.144']);
    const { found, falseAlarmsADay } = await tried({ direction: 'down', sensitivity: 'rate', falseAlarms: '10' });
    assert.deepEqual([found, Number(falseAlarmsADay).toFixed(2)], [0, '1.44']);
    assert.equal((await tried({}, 'nobody'))['scored'], 0);
  });

  const others: [what: string, device: string, metric: string, scored: number][] = [
    ['what stands in the metadata of a table with columns of its own', 'f', 'ph', 300],
    ['no text of it', 'f', 'mode', 0],
    ['no booleans, of which the node makes no score', 'm', 'running', 0],
  ];
  for (const [what, device, metric, scored] of others)
    it(`goes through ${what}`, async () =>
      assert.equal((await ask('try', { store: 'db', device, metric, settings: {} }))['scored'], scored));

  it('judges no maintenance, as the node did not, and gives the unit that the device tells', async () => {
    const told = await ask('try', { store: 'db', device: 't', metric: 'thrust', settings: {} });
    const [first, ...more] = told['anomalies'] as { time: number; why: string }[];
    assert.deepEqual([told['unit'], first?.time, more], ['kN', Date.UTC(2026, 0, 5) + 800 * 60_000, []]);
    assert.match(first?.why ?? '', /^thrust is 3\d\.\d+ kN, .* kN would have passed\.$/);
  });

  it('tells no gap where the node that hears the series did not hear', async () => {
    await store.query(`INSERT INTO sensor_readings (device_id, metric, timestamp, value)
      SELECT 'away', 'temperature', timestamptz '2026-01-05Z' + (n + CASE WHEN n > 600 THEN 90 ELSE 0 END) * interval '1 minute', 20 + sin(n * 12.9898)
        FROM generate_series(1, 1000) AS n`);
    const [from, to] = [600, 691].map(minute => Date.UTC(2026, 0, 5) + minute * 60_000) as [number, number];
    assert.equal((await tried({}, 'away'))['found'], 1);
    const withdraw = deploy({
      options: {},
      lastTime: device => (device === 'away' ? to : undefined),
      unheard: (begin, end) => Math.max(0, Math.min(end, to) - Math.max(begin, from)),
    });
    assert.equal((await tried({}, 'away'))['found'], 0);
    withdraw();
  });

  for (const [device, metric] of [
    ['m', 'constructor'],
    ['m', 'toString'],
    ['m\0', 'temperature'],
    ['m', 'temperature\0'],
  ] as const)
    it(`finds nothing under ${JSON.stringify(metric)} of ${JSON.stringify(device)}`, async () =>
      assert.equal((await ask('try', { store: 'db', device, metric, settings: {} }))['scored'], 0));

  it('says why in a sentence', async () => {
    const { anomalies, learning } = (await tried({})) as { anomalies: { why: string }[]; learning: number };
    assert.match(
      anomalies[0]?.why ?? '',
      /^temperature is 4\d\.\d+ °C, far above what is usual: .* would have passed\.$/,
    );
    assert.equal(learning, 64);
  });

  it('judges laser distances as the node does: each element by itself, pauses are none', async () => {
    for (const [device, scored] of [
      ['w-1', 400],
      ['door', 200],
    ] as const) {
      const told = await ask('try', { store: 'db', device, metric: 'value_mm', settings: {} });
      assert.deepEqual([told['scored'], told['found']], [scored, 0], device);
    }
  });

  const wrong: [body: unknown, reason: RegExp][] = [
    [{ store: 'db', device: 'm', metric: 'temperature', settings: { nearUnits: 'much' } }, /expected a number/],
    [
      { store: 'none', device: 'm', metric: 'temperature' },
      /expected a timescale-db node that is deployed, got "none"/,
    ],
    [{ store: 'db', device: 7 }, /expected \{ store, device, metric, settings \}/],
    [undefined, /expected \{ store, device, metric, settings \}/],
  ];
  for (const [body, reason] of wrong)
    it(`says why not: ${reason.source}`, async () => assert.rejects(ask('try', body), reason));
});
