// Views, functions, triggers and indexes of the flow document, its own text beside ours: what each gets wrong, and that ours does not.
import assert from 'node:assert/strict';
import { onClient } from '../../test/support/database.ts';
import { FLOW_HOURS } from '../../test/support/seed-words.ts';

const flow = "INSERT INTO flow_data (device_id, created_at, flow_rate, totalizer) VALUES ('f', $1, 1, $2)";

describe('the flow document, as it is written and as it works', () => {
  const database = onClient();
  const { rows } = database;
  // What a test makes of the document's own text goes with its schema.
  beforeEach(() => database.client.query('CREATE SCHEMA seed'));
  afterEach(async () => {
    await database.client.query('DROP SCHEMA seed CASCADE');
    await database.client.query('TRUNCATE flow_data, devices, alerts, alert_rules');
  });

  it('dashboard_summary (X3): its join counts a device once for each of its alerts', async () => {
    await database.client.query(`CREATE VIEW seed.dashboard_summary AS
SELECT
  COUNT(DISTINCT d.device_id) AS total_devices,
  COUNT(*) FILTER (WHERE d.last_seen > NOW() - INTERVAL '15 minutes') AS online_devices,
  COUNT(*) FILTER (WHERE a.is_resolved = FALSE) AS active_alerts
FROM devices d
LEFT JOIN alerts a ON d.device_id = a.device_id;`);
    await database.client.query(
      "INSERT INTO devices (device_id, last_seen) VALUES ('a', now()), ('b', now() - interval '1 hour')",
    );
    await database.client.query(
      "INSERT INTO alerts (device_id, kind, is_resolved) VALUES ('a', 'x', false), ('a', 'y', false), ('a', 'z', true), (NULL, 'disk', false)",
    );
    assert.deepEqual(await rows('SELECT * FROM seed.dashboard_summary'), [
      { total_devices: '2', online_devices: '3', active_alerts: '2' },
    ]);
    assert.deepEqual(await rows('SELECT * FROM dashboard_summary'), [
      { total_devices: '2', online_devices: '1', active_alerts: '3' },
    ]);
  });

  const volumes: readonly [name: string, readings: readonly number[], ours: number][] = [
    ['what flows between the last reading of an hour and the first of the next', [100, 110, 120, 130], 30],
    ['a reset, which it takes for all that was ever counted', [5000, 5010, 5, 15], 25],
    ['a rollover', [999_980, 999_995, 5, 15], 35],
    ['readings an hour apart, of which it sees nothing at all', [7, 8, 9], 2],
  ];
  for (const [name, readings, ours] of volumes)
    it(`flow_data_hourly (X4): its max − min is wrong for ${name}`, async () => {
      await database.client.query(`CREATE MATERIALIZED VIEW seed.flow_data_hourly AS ${FLOW_HOURS}`);
      await database.client.query('CREATE INDEX ON seed.flow_data_hourly (device_id, hour);');
      const minutes = readings.length === 3 ? 60 : 30;
      for (const [at, total] of readings.entries())
        await database.client.query(flow, [new Date(Date.UTC(2026, 0, 1, 0, 10 + minutes * at)), total]);
      await database.client.query('REFRESH MATERIALIZED VIEW seed.flow_data_hourly');
      const sum = async (view: string) =>
        Number((await rows(`SELECT coalesce(sum(total_volume), 0) AS volume FROM ${view}`))[0].volume);
      assert.equal(await sum('flow_data_hourly'), ours);
      assert.notEqual(await sum('seed.flow_data_hourly'), ours);
      // The columns that the document names are there, in its order.
      const { fields } = await database.client.query('SELECT * FROM flow_data_hourly LIMIT 0');
      const { fields: named } = await database.client.query('SELECT * FROM seed.flow_data_hourly LIMIT 0');
      assert.deepEqual(
        fields.slice(0, named.length).map(field => field.name),
        named.map(field => field.name),
      );
    });

  it('get_latest_flow_data: the same rows as DISTINCT ON, from one device to the next by the index', async () => {
    for (const device of ['a', 'b', 'c'])
      for (let n = 0; n < 5; n++)
        await database.client.query('INSERT INTO flow_data (device_id, created_at, flow_rate) VALUES ($1, $2, $3)', [
          ...[device, new Date(Date.UTC(2026, n, 1)), n],
        ]);
    const distinct = await rows(
      'SELECT DISTINCT ON (device_id) device_id, created_at, flow_rate FROM flow_data ORDER BY device_id, created_at DESC',
    );
    const latest = await rows('SELECT device_id, created_at, flow_rate FROM get_latest_flow_data() ORDER BY device_id');
    assert.deepEqual(latest, distinct);
    assert.deepEqual(await rows('SELECT * FROM get_latest_flow_data() WHERE false'), []);
  });

  it('update_device_last_seen (X14): its row trigger updates a device once for each row, and moves it backwards', async () => {
    await database.client.query("INSERT INTO devices (device_id, last_seen) VALUES ('f', now())");
    await database.client.query(`CREATE TABLE seed.flow_data (device_id text, created_at timestamptz);
      CREATE TABLE seed.updates (at timestamptz);
      CREATE FUNCTION seed.update_device_last_seen() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        UPDATE public.devices SET last_seen = NEW.created_at WHERE device_id = NEW.device_id;
        INSERT INTO seed.updates VALUES (now());
        RETURN NEW;
      END $$;
      CREATE TRIGGER update_device_last_seen_trigger
        AFTER INSERT ON seed.flow_data
        FOR EACH ROW
        EXECUTE FUNCTION seed.update_device_last_seen();`);
    const batch = (table: string) =>
      `INSERT INTO ${table} (device_id, created_at) SELECT 'f', now() - n * interval '1 hour' FROM generate_series(1, 10) AS n`;
    const ago = async () =>
      Number((await rows("SELECT extract(epoch FROM now() - last_seen) AS s FROM devices WHERE device_id = 'f'"))[0].s);
    await database.client.query(batch('seed.flow_data'));
    assert.equal((await rows('SELECT FROM seed.updates')).length, 10);
    assert.ok((await ago()) > 9 * 3600, 'a late batch made an online device an offline one');
    await database.client.query("UPDATE devices SET last_seen = now() WHERE device_id = 'f'");
    const [before] = await rows("SELECT xmin, ctid FROM devices WHERE device_id = 'f'");
    await database.client.query(batch('flow_data'));
    assert.ok((await ago()) < 60);
    assert.deepEqual(
      (await rows("SELECT xmin, ctid FROM devices WHERE device_id = 'f'"))[0],
      before,
      'not touched at all',
    );
  });

  it('idx_devices_online (X13): NOW() in a predicate is refused; an index of that name is there', async () => {
    await assert.rejects(
      database.client.query(
        `CREATE INDEX idx_devices_online ON devices (last_seen) WHERE last_seen > NOW() - INTERVAL '1 hour';`,
      ),
      /must be marked IMMUTABLE/,
    );
    const [index] = await rows("SELECT indexdef FROM pg_indexes WHERE indexname = 'idx_devices_online'");
    assert.match(index.indexdef, /ON public\.devices USING \w+ \(last_seen\)$/);
  });

  const indexes: readonly [table: string, columns: string][] = [
    ['devices', 'device_id'],
    ['devices', 'status'],
    ['flow_data', 'device_id, created_at'],
    ['flow_data', 'device_id, created_at DESC, flow_rate'],
    ['alerts', 'device_id, is_resolved'],
    ['alert_rules', 'device_id'],
  ];
  for (const [table, columns] of indexes)
    it(`${table} has an index on (${columns}) (E14)`, async () => {
      const found = await rows("SELECT indexdef FROM pg_indexes WHERE tablename = $1 AND schemaname = 'public'", [
        table,
      ]);
      const wanted = `(${columns}`;
      const plain = found.map(({ indexdef }) => String(indexdef).replaceAll(' COLLATE "C"', ''));
      assert.ok(
        plain.some(definition => definition.includes(wanted)),
        plain.join('\n'),
      );
    });

  it('a month of its own is attached as the document writes it, and takes the rows of that month (E18)', async function () {
    if (database.server.variant !== 'plain') return this.skip();
    await database.client.query(`CREATE TABLE flow_data_202401 PARTITION OF flow_data
FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');`);
    await database.client.query(flow, [new Date(Date.UTC(2024, 0, 15)), 1]);
    assert.deepEqual(await rows('SELECT tableoid::regclass::text AS place FROM flow_data'), [
      { place: 'flow_data_202401' },
    ]);
  });
});
