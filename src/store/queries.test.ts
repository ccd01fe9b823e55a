// Tables, views and functions as other programs use them: the queries and inserts of the seeds, word for word.
import assert from 'node:assert/strict';
import pg from 'pg';
import { onClient } from '../../test/support/database.ts';
import { ENERGY_HOURS, ENERGY_INSERT } from '../../test/support/seed-words.ts';

describe('queries and inserts of other programs', () => {
  const database = onClient();
  const { rows } = database;
  afterEach(async () => {
    await database.client.query(
      'TRUNCATE measurements, sensor_readings, energy_readings, flow_data, raw_advertisements, devices, alerts, latest_values',
    );
  });

  it('take the insert and answer the query of the energy document', async () => {
    const insert = ENERGY_INSERT;
    await database.client.query(insert);
    await database.client.query(insert);
    assert.equal((await rows('SELECT * FROM energy_readings')).length, 2, 'rows by hand never meet');
    await database.client.query(
      "INSERT INTO energy_readings (timestamp, device_id, power_kw) VALUES (now() - interval '1 minute', 'm', 2), (now() - interval '1 minute', 'm', 4)",
    );
    const hours = await rows(ENERGY_HOURS);
    assert.equal(hours.length, 1);
    assert.equal(hours[0].avg_power, 3);
    const recent = await rows("SELECT COUNT(*) FROM energy_readings WHERE timestamp > NOW() - INTERVAL '5 minutes';");
    assert.equal(recent[0].count, '2');
  });

  const buckets: readonly [sql: string, bucket: string][] = [
    ["time_bucket('15 minutes', timestamptz '2026-01-03T16:20:00Z')", '2026-01-03T16:15:00.000Z'],
    ["time_bucket('1 week', timestamptz '2026-01-04T12:00:00Z')", '2025-12-29T00:00:00.000Z'],
    ["time_bucket('5 days', timestamptz '1999-12-31T00:00:00Z')", '1999-12-29T00:00:00.000Z'],
    ["time_bucket('1 month', timestamptz '2026-01-31T23:59:59Z')", '2026-01-01T00:00:00.000Z'],
    ["time_bucket('3 months', timestamptz '2026-06-15T00:00:00Z')", '2026-04-01T00:00:00.000Z'],
    ["time_bucket('1 year', timestamptz '1999-06-15T00:00:00Z')", '1999-01-01T00:00:00.000Z'],
    ["time_bucket('1 day', timestamptz '2026-06-15T23:00:00Z', 'Europe/Berlin')", '2026-06-15T22:00:00.000Z'],
    [
      "time_bucket('1 hour', timestamptz '2026-01-01T00:50:00Z', timestamptz '2026-01-01T00:30:00Z')",
      '2026-01-01T00:30:00.000Z',
    ],
    [
      `time_bucket('1 hour', timestamptz '2026-01-01T00:50:00Z', "offset" => interval '30 minutes')`,
      '2026-01-01T00:30:00.000Z',
    ],
    [`time_bucket('1 day', timestamptz '2026-01-01T03:00:00Z', interval '6 hours')`, '2025-12-31T06:00:00.000Z'],
  ];
  for (const [sql, bucket] of buckets)
    it(`${sql} is as on TimescaleDB`, async () => {
      assert.equal((await rows(`SELECT ${sql} AS bucket`))[0].bucket.toISOString(), bucket);
    });

  it('makes buckets of whole numbers as on TimescaleDB', async () => {
    const [made] = await rows(
      'SELECT time_bucket(15, 37)::int AS up, time_bucket(15, -1)::int AS down, time_bucket(10::bigint, 20::bigint)::int AS edge',
    );
    assert.deepEqual(made, { up: 30, down: -15, edge: 20 });
  });

  it('takes no number that is none into its statistics', async () => {
    for (const [at, value] of [1, NaN, 3, Infinity, -Infinity, null, 1e200, -1e101].entries())
      await database.client.query(
        "INSERT INTO flow_data (device_id, created_at, flow_rate, totalizer) VALUES ('f', $1, $2, NULL)",
        [new Date(Date.UTC(2026, 0, 1, 0, at)), value],
      );
    const figures = { avg: 2, min: 1, max: 3, readings: '8' };
    assert.deepEqual(
      await rows(`SELECT avg, min, max, readings FROM get_flow_statistics('f', '2026-01-01Z', '2026-01-02Z')`),
      [figures],
    );
    assert.deepEqual(
      await rows(
        'SELECT avg_flow_rate AS avg, min_flow_rate AS min, max_flow_rate AS max, readings FROM flow_data_hourly',
      ),
      [figures],
    );
  });

  it('puts rows of any time somewhere, and into their month once it is made', async function () {
    if (database.server.variant !== 'plain') return this.skip();
    await database.client.query(
      "INSERT INTO flow_data (device_id, created_at, flow_rate) VALUES ('f', '2019-05-31T23:59:59.999999Z', 1), ('f', '2019-06-01T00:00:00Z', 2)",
    );
    const where = async () =>
      (await rows('SELECT tableoid::regclass::text AS place FROM flow_data ORDER BY created_at')).map(
        ({ place }) => place,
      );
    assert.deepEqual(await where(), ['flow_data_default', 'flow_data_default']);
    assert.deepEqual(await rows("SELECT prepare_month('flow_data', '2019-05-02T00:00:00+14') AS made"), [
      { made: true },
    ]);
    assert.deepEqual(await rows("SELECT prepare_month('flow_data', '2019-05-31T00:00:00Z') AS made"), [
      { made: false },
    ]);
    assert.deepEqual(await where(), ['flow_data_201905', 'flow_data_default']);
    // As the document names them.
    await database.client.query(
      "CREATE TABLE flow_data_202401 PARTITION OF flow_data FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');",
    );
    assert.deepEqual(await rows("SELECT prepare_month('flow_data', '2024-01-15T00:00:00Z') AS made"), [
      { made: false },
    ]);
    await assert.rejects(database.client.query("SELECT prepare_month('pg_class', now())"), /expected a time series/);
  });

  it('puts rows of any time into chunks on TimescaleDB, where no month is prepared', async function () {
    if (database.server.variant !== 'timescale') return this.skip();
    await database.client.query(
      "INSERT INTO flow_data (device_id, created_at, flow_rate) VALUES ('f', '1970-01-01T00:00:00Z', 1), ('f', '2019-06-01T00:00:00Z', 2)",
    );
    assert.deepEqual(
      await rows(`SELECT range_start <= created_at AND created_at < range_end AS inside
        FROM flow_data JOIN timescaledb_information.chunks ON format('%I.%I', chunk_schema, chunk_name)::regclass = flow_data.tableoid`),
      [{ inside: true }, { inside: true }],
    );
    assert.deepEqual(await rows("SELECT prepare_month('flow_data', now()) AS made, prepare_months() AS months"), [
      { made: false, months: 0 },
    ]);
  });

  it('makes one partition when two ask for it at once', async function () {
    if (database.server.variant !== 'plain') return this.skip();
    const other = new pg.Client({ connectionString: database.server.url });
    await other.connect();
    try {
      const ask = (by: pg.Client) =>
        by.query("SELECT prepare_month('energy_readings', '2018-03-01T00:00:00Z') AS made");
      const answers = await Promise.all([ask(database.client), ask(other)]);
      assert.deepEqual(answers.map(({ rows: [row] }) => row.made).sort(), [false, true]);
    } finally {
      await other.end();
    }
  });

  it('counts devices once however many alerts they have', async () => {
    await database.client.query(
      "INSERT INTO devices (device_id, last_seen) VALUES ('a', now()), ('b', now() - interval '16 minutes'), ('c', NULL)",
    );
    await database.client.query(
      "INSERT INTO alerts (device_id, kind, is_resolved) VALUES ('a', 'x', false), ('a', 'y', false), ('b', 'x', true)",
    );
    assert.deepEqual(await rows('SELECT * FROM dashboard_summary'), [
      { total_devices: '3', online_devices: '1', active_alerts: '2' },
    ]);
  });

  it('touches a device once per statement and never backwards', async () => {
    await database.client.query(
      "INSERT INTO flow_data (device_id, created_at, flow_rate) SELECT 'f', now() - n * interval '1 minute', n FROM generate_series(1, 50) AS n",
    );
    const [first] = await rows(
      "SELECT last_seen, xmin, now() - last_seen < interval '2 minutes' AS fresh FROM devices WHERE device_id = 'f'",
    );
    assert.equal(first.fresh, true);
    await database.client.query(
      "INSERT INTO flow_data (device_id, created_at, flow_rate) VALUES ('f', now() - interval '1 day', 1)",
    );
    assert.deepEqual(await rows("SELECT last_seen, xmin, true AS fresh FROM devices WHERE device_id = 'f'"), [first]);
    await database.client.query(
      "INSERT INTO measurements (device_id, value_mm, timestamp) VALUES ('f', 1, now() + interval '1 hour')",
    );
    assert.deepEqual(await rows("SELECT last_seen <= now() AS past FROM devices WHERE device_id = 'f'"), [
      { past: true },
    ]);
  });

  it('does not do so on connections that carry the mark', async () => {
    await database.client.query("SET fieldline.writer = 'on'");
    await database.client.query("INSERT INTO flow_data (device_id, flow_rate) VALUES ('marked', 1)");
    await database.client.query('RESET fieldline.writer');
    assert.deepEqual(await rows('SELECT * FROM devices'), []);
  });

  it('gives the newest row of each device', async () => {
    await database.client.query(`INSERT INTO flow_data (device_id, created_at, flow_rate) VALUES
      ('a', '2026-01-01T00:00:00Z', 1), ('a', '2026-03-01T00:00:00Z', 2), ('b', '2025-01-01T00:00:00Z', 3), ('b', '2024-12-31T00:00:00Z', 4)`);
    assert.deepEqual(await rows('SELECT device_id, flow_rate FROM get_latest_flow_data() ORDER BY device_id'), [
      { device_id: 'a', flow_rate: 2 },
      { device_id: 'b', flow_rate: 3 },
    ]);
  });

  const totals: readonly [name: string, totalizer: readonly (number | null)[], volume: number, range?: number][] = [
    ['counts up', [100, 110, 125], 25],
    ['starts from 0 after a reset', [1500, 1510, 0, 5], 15],
    ['may show a value at the first reading after a reset', [1500, 1510, 4, 5], 15],
    ['rolls over at a power of ten', [999990, 999999, 3, 10], 20],
    ['rolls over at two words', [4294967290, 4294967295, 4], 10],
    ['rolls over at the range of the device', [11990, 10], 20, 12000],
    ['wavers without counting it', [1000.5, 1000.4, 1000.6], 0.1],
    ['has gaps', [10, null, 30, null, null, 31], 21],
    ['stands still', [7, 7, 7], 0],
    ['is alone', [7], 0],
    ['was never read', [null], 0],
    ['counts backwards below 0', [2, -1, -5], -7],
    ['shows numbers that are none', [10, NaN, 30, Infinity, -Infinity, 1e300, 31], 21],
  ];
  for (const [name, totalizer, volume, range] of totals)
    it(`adds up a totalizer that ${name}, also over the edges of hours`, async () => {
      for (const [at, value] of totalizer.entries())
        await database.client.query(
          'INSERT INTO flow_data (device_id, created_at, flow_rate, totalizer) VALUES ($1, $2, $3, $4)',
          ['f', new Date(Date.UTC(2026, 0, 1, 0, 40 * at)), at, value],
        );
      if (range !== undefined)
        await database.client.query("UPDATE devices SET metadata = jsonb_build_object('totalizer_max', $1::float8)", [
          range,
        ]);
      const [statistics] = await rows(
        "SELECT * FROM get_flow_statistics('f', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z')",
      );
      assert.ok(Math.abs(statistics.total_volume - volume) < 1e-6, `${statistics.total_volume}`);
      assert.equal(statistics.min, 0);
      assert.equal(statistics.max, totalizer.length - 1);
      const [hours] = await rows('SELECT sum(total_volume) AS volume, max(max_flow_rate) AS max FROM flow_data_hourly');
      assert.ok(Math.abs(hours.volume - volume) < 1e-6, `${hours.volume}`);
      assert.equal(hours.max, totalizer.length - 1);
    });

  it('begins a window with the last reading at or before it', async () => {
    for (const [at, value] of [100, 110, 120, 140].entries())
      await database.client.query("INSERT INTO flow_data (device_id, created_at, totalizer) VALUES ('f', $1, $2)", [
        new Date(Date.UTC(2026, 0, 1, at)),
        value,
      ]);
    const volume = async (start: string, end: string) =>
      (await rows('SELECT total_volume FROM get_flow_statistics($1, $2, $3)', ['f', start, end]))[0].total_volume;
    assert.equal(await volume('2026-01-01T01:00:00Z', '2026-01-01T03:00:00Z'), 30);
    assert.equal(await volume('2026-01-01T01:30:00Z', '2026-01-01T02:00:00Z'), 10);
    assert.equal(await volume('2026-01-01T04:00:00Z', '2026-01-01T05:00:00Z'), 0);
  });

  it('lists adverts of unknown devices with what is known of them', async () => {
    await database.client.query("INSERT INTO devices (device_id) VALUES ('AA:AA:AA:AA:AA:AA')");
    const hear = (payload: unknown, minute: number) =>
      database.client.query(
        'INSERT INTO raw_advertisements (scanner_id, topic, payload, timestamp) VALUES ($1, $2, $3, $4)',
        ['s', 'bt-mqtt/raw/s', JSON.stringify(payload), new Date(Date.UTC(2026, 0, 1, 0, minute))],
      );
    await hear({ address: 'aaaaaaaaaaaa' }, 0);
    await hear({ address: 'bb:bb:bb:bb:bb:bb', name: 'Shed', manufacturer_data: { ffff: '15' } }, 1);
    await hear({ address: 'BB-BB-BB-BB-BB-BB', service_data: { fcd2: '40' }, service_uuids: ['180f', 7] }, 2);
    await hear(
      [{ address: 'bbbbbbbbbbbb', manufacturer_data: 'none', service_uuids: {} }, { address: 'mac-os-id' }],
      3,
    );
    for (const [minute, nothing] of [{}, 7, null, [], { address: 9 }].entries()) await hear(nothing, 4 + minute);
    assert.deepEqual(
      await rows(`SELECT address, adverts, scanners, name, company_ids, service_uuids, example, first_seen, last_seen
        FROM unknown_devices ORDER BY address`),
      [
        {
          address: 'BB:BB:BB:BB:BB:BB',
          adverts: '3',
          scanners: ['s'],
          name: 'Shed',
          company_ids: ['ffff'],
          service_uuids: ['180f', '7', 'fcd2'],
          example: { address: 'bbbbbbbbbbbb', manufacturer_data: 'none', service_uuids: {} },
          first_seen: new Date('2026-01-01T00:01:00Z'),
          last_seen: new Date('2026-01-01T00:03:00Z'),
        },
        {
          address: 'mac-os-id',
          adverts: '1',
          scanners: ['s'],
          name: null,
          company_ids: [],
          service_uuids: [],
          example: { address: 'mac-os-id' },
          first_seen: new Date('2026-01-01T00:03:00Z'),
          last_seen: new Date('2026-01-01T00:03:00Z'),
        },
      ],
    );
  });
});
