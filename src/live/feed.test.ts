// Rows of other writers on a real PostgreSQL: each once, also from slow transactions and over a restart; nothing of Fieldline's own; gaps are told.
import assert from 'node:assert/strict';
import pg from 'pg';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import type { Query } from '../reading/contracts.ts';
import { type Database, openDatabase } from '../store/database.ts';
import { listenTo } from '../store/listen.ts';
import { channelNamed } from './channels.ts';
import { type Cursor, type Feed, openFeed } from './feed.ts';
import { noFilter } from './filter.ts';
import { followDatabase } from './follow.ts';
import { createHub } from './hub.ts';
import { latestRowsOf } from './prime.ts';
import type { Row } from './publication.ts';
import { ofChannel } from './selection.ts';
import { until } from '../../test/support/until.ts';

describe('live feed of other writers', () => {
  let server: TestPostgres;
  let database: Database;
  let stranger: pg.Client;
  const feeds: Feed[] = [];

  before(async function () {
    server = await postgresFor(this);
    database = openDatabase({ url: server.url });
    await database.migrated;
    stranger = await connected();
  });
  afterEach(async () => {
    for (const feed of feeds.splice(0)) await feed.close();
  });
  after(async () => {
    await stranger?.end();
    await database?.close();
    await server?.stop();
  });

  async function connected(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: server.url });
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  /** A feed and what it tells; resolves when it has begun. */
  async function open(cursor?: Cursor, query: Query = database.query) {
    const rows: Row[] = [];
    const it = { rows, lost: 0, feed: undefined as unknown as Feed };
    it.feed = openFeed({
      query,
      cursor,
      listen: wake => listenTo(database.pool, 'fieldline_live', wake),
      onRows: more => rows.push(...more),
      onLost: () => it.lost++,
      log: (_level, text) => assert.fail(text),
      pollMs: 60_000,
    });
    feeds.push(it.feed);
    await until(() => it.feed.cursor !== undefined && it.feed.cursor !== cursor);
    return it;
  }

  const flow = (device: string, rate: number) =>
    `INSERT INTO flow_data (device_id, flow_rate, org_id, created_at) VALUES ('${device}', ${rate}, 'acme', '2026-02-11T14:30:00Z')`;
  const told = (rows: readonly Row[], table: string) => rows.filter(row => row.table === table);

  it('tells a row with its columns and organisation, and the device that it touched', async () => {
    const { rows } = await open();
    await stranger.query(flow('FM-1', 1.5));
    await until(() => told(rows, 'devices').length === 1 && told(rows, 'flow_data').length === 1);
    const [row] = told(rows, 'flow_data');
    assert.deepEqual(row!.data, {
      ...{ type: 'flow_data', device_id: 'FM-1', created_at: '2026-02-11T14:30:00.000Z', flow_rate: 1.5 },
      ...{ totalizer: null, temperature: null, status: null, anomaly_score: null },
    });
    assert.deepEqual([row!.orgId, row!.event, typeof row!.record!['id']], ['acme', 'INSERT', 'number']);
  });

  it('tells many rows of a statement in their order, changes and deletions of inspections, and nothing twice', async () => {
    const { rows } = await open();
    await stranger.query(
      `INSERT INTO measurements (device_id, value_mm) SELECT 'D1', n FROM generate_series(1, 1500) AS n`,
    );
    await stranger.query(`INSERT INTO inspections (inspector_id) VALUES ('I1'), ('I2')`);
    await stranger.query(`UPDATE inspections SET status = 'done' WHERE inspector_id = 'I1'`);
    await stranger.query(`DELETE FROM inspections`);
    await until(() => told(rows, 'inspections').length === 5);
    assert.deepEqual(
      told(rows, 'measurements').map(({ data }) => data['value_mm']),
      Array.from({ length: 1500 }, (_, at) => at + 1),
    );
    assert.deepEqual(
      told(rows, 'inspections').map(({ event, data }) => `${event} ${data['inspector_id']} ${data['status']}`),
      ['INSERT I1 open', 'INSERT I2 open', 'UPDATE I1 done', 'DELETE I2 open', 'DELETE I1 done'],
    );
  });

  it('leaves out what its own connections store, but for inspections and alerts', async () => {
    const { rows } = await open();
    await database.query(flow('own', 1));
    await database.query(`UPDATE devices SET name = 'pump' WHERE device_id = 'FM-1'`);
    await database.query(`INSERT INTO alerts (kind, message) VALUES ('offline', 'x')`);
    await stranger.query(flow('other', 2));
    await until(() => told(rows, 'flow_data').length === 1);
    assert.deepEqual(
      rows.map(({ table, deviceId }) => [table, deviceId]),
      [
        ['alerts', undefined],
        ['flow_data', 'other'],
        ['devices', 'other'],
      ],
    );
  });

  it('loses nothing of a transaction that began early and ends late', async () => {
    const { rows, feed } = await open();
    const slow = await connected();
    await slow.query('BEGIN');
    await slow.query(flow('slow', 1));
    for (let n = 0; n < 3; n++) await stranger.query(flow('quick', n));
    await until(() => told(rows, 'flow_data').length === 3);
    const { cursor } = feed;
    await slow.query('COMMIT');
    await until(() => told(rows, 'flow_data').length === 4);
    assert.equal(told(rows, 'flow_data')[3]!.deviceId, 'slow');
    await slow.end();
    // A successor that was told only of the quick ones gets the slow one, and those not again.
    const next = await open(cursor);
    await until(() => told(next.rows, 'flow_data').length > 0);
    assert.deepEqual(
      told(next.rows, 'flow_data').map(({ deviceId }) => deviceId),
      ['slow'],
    );
  });

  it('tells what came while nobody read, and begins anew without a position', async () => {
    const { feed } = await open();
    await feed.close();
    await stranger.query(flow('away', 7));
    const next = await open(feed.cursor);
    await until(() => next.rows.length > 0);
    assert.equal(told(next.rows, 'flow_data').length, 1);
    assert.equal(next.lost, 0);
    const fresh = await open();
    assert.deepEqual(fresh.rows, []);
  });

  it('says when rows are gone: too many at once, pruned, or another database', async () => {
    const it = await open();
    await stranger.query(
      `INSERT INTO measurements (device_id, value_mm) SELECT 'bulk', n FROM generate_series(1, 5001) AS n`,
    );
    await until(() => it.lost === 1);
    assert.deepEqual(told(it.rows, 'measurements'), []);
    const { cursor } = it.feed;
    await it.feed.close();
    await stranger.query(flow('old', 1));
    await stranger.query(`UPDATE live_feed SET created_at = now() - interval '2 days'`);
    await stranger.query('SELECT prune_live_feed()');
    assert.equal((await open(cursor)).lost, 1);
    assert.equal((await open({ ...cursor!, database: 'another' })).lost, 1);
  });

  it('comes back when its connection is cut', async () => {
    const { rows } = await open();
    await stranger.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE 'LISTEN%'`,
    );
    await stranger.query(flow('cut', 1));
    await until(() => told(rows, 'flow_data').length === 1);
  });

  it('knows the newest row of each thing for snapshots', async () => {
    await stranger.query(`INSERT INTO latest_values (device_id, metric, value, timestamp) VALUES
      ('P1', 'value_mm', 2, '2026-01-01T00:00:02Z'), ('P1', 'temperature', 21, '2026-01-01T00:00:03Z')`);
    await stranger.query(`INSERT INTO measurements (device_id, value_mm, session_id, timestamp) VALUES
      ('P1', 1, 'S1', '2026-01-01T00:00:01Z'), ('P1', 2, 'S2', '2026-01-01T00:00:02Z')`);
    await stranger.query(`INSERT INTO sensor_readings (device_id, metric, value, timestamp) VALUES
      ('P1', 'temperature', 21, '2026-01-01T00:00:03Z')`);
    const hub = createHub();
    hub.prime(await latestRowsOf(database.query));
    const snapshot = hub.look(ofChannel(channelNamed('device:P1')!, noFilter, undefined)).snapshot();
    hub.close();
    assert.deepEqual(snapshot.map(({ row: { table, data } }) => [table, data['session_id'] ?? data['value']]).sort(), [
      ['measurements', 'S2'],
      ['sensor_readings', 21],
    ]);
  });

  it('waits for what a killed gateway had put off', async () => {
    // By a connection of Fieldline, whose rows the feed leaves out.
    await database.query(`INSERT INTO sensor_readings (device_id, metric, value, timestamp)
      VALUES ('P2', 'temperature', 22, '2026-01-01T00:00:03Z')`);
    await database.query(`INSERT INTO device_updates (body) VALUES ('[]')`);
    let looks = 0;
    const query: Query = async (...question) => {
      if (/FROM device_updates/.test(question[0]) && looks++ === 1) {
        await database.query(`INSERT INTO latest_values (device_id, metric, value, timestamp)
          VALUES ('P2', 'temperature', 22, '2026-01-01T00:00:03Z')`);
        await database.query('DELETE FROM device_updates');
      }
      return database.query(...(question as Parameters<Query>)) as never;
    };
    const rows = await latestRowsOf(query);
    await database.query('DELETE FROM device_updates');
    const shown = rows.filter(({ table, data }) => table === 'sensor_readings' && data['device_id'] === 'P2');
    assert.deepEqual(
      shown.map(({ data }) => data['value']),
      [22],
    );
  });

  it('knows the newest rows also where nobody takes up what was put off', async () => {
    await stranger.query(`INSERT INTO device_updates (body) VALUES ('[]')`);
    assert.ok((await latestRowsOf(database.query)).length > 0);
    await stranger.query('DELETE FROM device_updates');
  });

  it('shows what the database knows also where that was away again when it was asked', async () => {
    await stranger.query(flow('FM-away', 3));
    const hub = createHub();
    const warnings: string[] = [];
    let refusals = 3;
    const query: Query = (...question) =>
      question[0].includes('FROM devices') && refusals-- > 0
        ? Promise.reject(new Error('away'))
        : database.query(...(question as Parameters<Query>));
    const following = followDatabase(hub, {
      ...{ query, migrated: Promise.resolve(), cursor: undefined },
      listen: (channel, wake) => listenTo(database.pool, channel, wake),
      log: (_level, text) => warnings.push(text),
    });
    try {
      await following.ready;
      const look = hub.look(ofChannel(channelNamed('device:FM-away')!, noFilter, undefined));
      assert.deepEqual(
        look.snapshot().map(({ row }) => row.data['flow_rate']),
        [3],
      );
      assert.equal(warnings.filter(text => /snapshots begin empty: away/.test(text)).length, 1);
    } finally {
      await following.close();
      hub.close();
    }
  });

  for (const [when, readyLimitMs, breaks] of [
    ['in time', 60_000, 0],
    ['after clients were let in', 1, 1],
  ] as const)
    it(`that begins ${when} tells its clients of a gap ${breaks} times`, async () => {
      const hub = createHub();
      let gaps = 0;
      hub.onBreak(() => gaps++);
      const migrated = Promise.withResolvers<void>();
      const following = followDatabase(hub, {
        ...{ query: database.query, migrated: migrated.promise, cursor: undefined, readyLimitMs },
        listen: (channel, wake) => listenTo(database.pool, channel, wake),
        log: (_level, text) => assert.fail(text),
      });
      try {
        if (breaks > 0) await following.ready;
        await stranger.query(flow('early', 5));
        migrated.resolve();
        await following.ready;
        await until(() => following.cursor !== undefined && gaps === breaks);
      } finally {
        await following.close();
        hub.close();
      }
      assert.equal(gaps, breaks);
    });
});
