// After a crash, with a real database: the last checkpoint and what was stored since make the scores that there would have been.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readCheckpoint, writeCheckpoint } from '../../src/anomaly/checkpoint.ts';
import { type DeviceScorer, deviceScorer } from '../../src/anomaly/device.ts';
import type { Host } from '../../src/palette/define.ts';
import type { Query } from '../../src/reading/contracts.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import { learnStored } from './after-crash.ts';
import { keysOf } from './keys.ts';

const MINUTE = 60_000;
const [SAVED, CRASHED] = [150, 200];
const BEGAN = Date.now() - CRASHED * MINUTE;
const at = (minute: number) => new Date(BEGAN + minute * MINUTE);
const reading = (minute: number) => ({
  deviceId: 'm',
  protocol: 'mqtt' as const,
  timestamp: at(minute).toISOString(),
  telemetry: { temperature: minute === CRASHED ? 40 : 20 + Math.sin(minute * 12.9898) },
  metadata: {},
});
const grown = (minutes: number): DeviceScorer => {
  const scorer = deviceScorer();
  for (let minute = 0; minute < minutes; minute++) scorer.score(reading(minute));
  return scorer;
};

describe('anomaly after a crash', () => {
  let server: TestPostgres;
  let store: Store;
  let folder = '';
  let file = '';
  before(async function () {
    server = await postgresFor(this);
    await migrate(server.url);
    store = openStore({ url: server.url, connections: 1 });
    for (let minute = SAVED - 5; minute < CRASHED; minute++)
      await store.query(
        `INSERT INTO sensor_readings (device_id, metric, timestamp, value) VALUES ('m', 'temperature', $1, $2)`,
        [at(minute), reading(minute).telemetry.temperature],
      );
    await latest('m', 'temperature', CRASHED - 1);
    folder = mkdtempSync(path.join(tmpdir(), 'anomaly-'));
    file = path.join(folder, 'node.state');
    await writeCheckpoint(file, 'auto', grown(SAVED).states());
  });
  after(async () => {
    await store?.close();
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  const latest = (device: string, metric: string, minute: number) =>
    store.query('INSERT INTO latest_values (device_id, metric, value, timestamp) VALUES ($1, $2, 1, $3)', [
      ...[device, metric, at(minute)],
    ]);
  /** The scorer of a node that has just started again, and what it logged. */
  const restarted = async (
    database: { query: Query } | undefined,
    series: 'auto' | 'key' = 'auto',
    key = '',
    saved = file,
  ) => {
    const scorer = deviceScorer();
    await readCheckpoint(saved, 'auto', scorer.restore);
    const logged: string[] = [];
    const host = {
      directory: folder,
      config: () => database,
      log: (level: string, text: string) => logged.push(`${level}: ${text}`),
      evaluate: ({ value }: { value: string }, message: unknown) =>
        value.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], message),
    };
    const keys = keysOf({ series, key: { value: key, type: 'msg' }, maxSeries: 100 }, host);
    await learnStored(host as unknown as Host, keys.stored, scorer);
    return { scorer, logged, keys };
  };

  it('scores as if there had been none', async () => {
    let read = 0;
    const query: Query = async (sql, values) => {
      const rows = await store.query<never>(sql, values);
      read += rows.length;
      return rows;
    };
    const { scorer, logged } = await restarted({ query });
    assert.deepEqual(logged, [`info: learned ${CRASHED - SAVED} values stored since the last save`]);
    assert.ok(read <= CRASHED - SAVED + 2, `${read} rows were read: a table of years must not be`);
    const told = scorer.score(reading(CRASHED));
    assert.deepEqual(told, grown(CRASHED).score(reading(CRASHED)));
    assert.ok(told !== undefined && told.score < 0);
  });

  it('tells of a message that comes again what is stored, of any table', async () => {
    const anomaly = { score: -0.4, metric: 'frequency', kind: 'spike' };
    const metadata = JSON.stringify({ anomaly, telemetry: { frequency: 50.2, state: 'on' } });
    const hex = 'ab'.repeat(16);
    await store.query(
      `INSERT INTO energy_readings (device_id, timestamp, power_kw, digest, metadata) VALUES ('e', $1, 2, $2, $3)`,
      [...[at(CRASHED - 1), hex, metadata]],
    );
    await store.query(
      `INSERT INTO measurements (device_id, timestamp, value_mm, element_type) VALUES ('l', $1, 2000, 'door')`,
      [at(CRASHED - 1)],
    );
    for (const [device, metric] of [
      ['e', 'power_kw'],
      ['e', 'frequency'],
      ['l', 'value_mm'],
    ] as const)
      await latest(device, metric, CRASHED - 1);
    const { scorer, logged } = await restarted(store);
    assert.deepEqual(logged, [`info: learned ${CRASHED - SAVED + 3} values stored since the last save`]);
    assert.deepEqual([...scorer.states()].map(([name]) => name).sort(), [
      '1:efrequency',
      '1:epower_kw',
      '1:mtemperature',
      '4:doorvalue_mm',
    ]);
    const again = { ...reading(CRASHED - 1), deviceId: 'e', telemetry: { power_kw: 2 }, metadata: { digest: hex } };
    assert.deepEqual(scorer.score(again), anomaly);
  });

  it('learns all that a fast device stored, beside many slow ones', async () => {
    const fast = (minute: number) => ({
      ...reading(minute),
      deviceId: 'fast',
      telemetry: { power: minute === CRASHED ? 40 : 20 + Math.sin(minute * 12.9898) },
    });
    const grow = (from: number, to: number, scorer = deviceScorer()): DeviceScorer => {
      for (let tenth = 10 * from; tenth < 10 * to; tenth++) scorer.score(fast(tenth / 10));
      return scorer;
    };
    for (let tenth = 0; tenth < 10 * CRASHED; tenth++)
      await store.query(
        `INSERT INTO sensor_readings (device_id, metric, timestamp, value) VALUES ('fast', 'power', $1, $2)`,
        [at(tenth / 10), fast(tenth / 10).telemetry.power],
      );
    await store.query(
      `INSERT INTO latest_values (device_id, metric, value, timestamp)
       SELECT 'slow ' || n, 'v', 1, $1::timestamptz FROM generate_series(1, 2000) AS n UNION ALL SELECT 'fast', 'power', 1, $2::timestamptz`,
      [at(0), at(CRASHED - 0.1)],
    );
    const saved = path.join(folder, 'fast.state');
    await writeCheckpoint(saved, 'auto', grow(0, SAVED).states());
    const { scorer } = await restarted(store, 'auto', '', saved);
    const whole = grow(SAVED, CRASHED, grow(0, SAVED));
    assert.deepEqual(scorer.score(fast(CRASHED)), whole.score(fast(CRASHED)));
    await store.query(`DELETE FROM latest_values WHERE device_id LIKE 'slow %' OR device_id = 'fast'`);
  });

  it('goes on from the checkpoint alone where no database is chosen', async () => {
    const { scorer, logged } = await restarted(undefined);
    assert.deepEqual(logged, []);
    assert.ok((scorer.score(reading(CRASHED))?.score ?? 1) < 0);
  });

  it('says why when the database does not answer, and goes on', async () => {
    const query: Query = () => Promise.reject(new Error('the server closed the connection'));
    const { logged } = await restarted({ query });
    assert.deepEqual(logged, [
      'warn: what was stored after the last save was not learned yet, which is tried again: the server closed the connection',
    ]);
  });

  // Two meters of one site that measure at the same times, another without a site, and what somebody measured by hand.
  const earlier = (minute: number) => new Date(BEGAN + (minute - 1000) * MINUTE);
  const meter = (deviceId: string, minute: number, metadata: Reading['metadata']): Reading => ({
    ...{ deviceId, protocol: 'mqtt', timestamp: earlier(minute).toISOString(), metadata: { ...metadata } },
    telemetry: { power_kw: 2 + Math.sin(minute * 12.9898) + (minute === 100 ? 40 : 0) },
  });
  const walk = (minute: number): Reading => ({
    ...{ deviceId: 'glm', protocol: 'bluetooth', timestamp: earlier(minute).toISOString() },
    ...{ telemetry: { value_mm: 800 + Math.sin(minute) + (minute === 100 ? 300 : 0) } },
    metadata: { elementType: 'door', sessionId: 's' },
  });
  const all = (minute: number) => [
    ...['k1', 'k2'].map(name => meter(name, minute, { extra: { site: 'north' } })),
    meter('k3', minute, {}),
    walk(minute),
  ];
  describe('with a key of its own', () => {
    before(async () => {
      for (let minute = 0; minute < 100; minute++)
        for (const { deviceId, timestamp, telemetry, metadata } of all(minute))
          if (deviceId === 'glm')
            await store.query(
              `INSERT INTO measurements (device_id, timestamp, value_mm, element_type, session_id) VALUES ($1, $2, $3, $4, $5)`,
              [deviceId, timestamp, telemetry['value_mm'], metadata.elementType, metadata.sessionId],
            );
          else
            await store.query(
              `INSERT INTO energy_readings (device_id, timestamp, power_kw, metadata) VALUES ($1, $2, $3, $4)`,
              [deviceId, timestamp, telemetry['power_kw'], JSON.stringify(metadata)],
            );
      for (const name of ['k1', 'k2', 'k3']) await latest(name, 'power_kw', -900);
      await latest('glm', 'value_mm', -900);
    });

    for (const key of ['payload.metadata.extra.site', 'payload.metadata.sessionId', 'payload.deviceId'])
      it(`${key}: scores as if there had been no crash`, async () => {
        const { scorer, keys, logged } = await restarted(store, 'key', key, 'no file');
        assert.match(logged.join(), /^info: learned \d+ values stored since the last save$/);
        const whole = deviceScorer();
        for (let minute = 0; minute < 100; minute++) for (const one of all(minute)) whole.score(one, keys.of(one));
        const told = all(100).map(one => scorer.score(one, keys.of(one)));
        assert.deepEqual(
          told,
          all(100).map(one => whole.score(one, keys.of(one))),
        );
        assert.ok(told.some(one => one !== undefined && one.score < 0));
      });

    for (const key of ['topic', 'payload.metadata.name', 'payload.telemetry.state', 'payload'])
      it(`${key}: says that rows do not tell it, and learns nothing wrong`, async () => {
        const { scorer, logged } = await restarted(store, 'key', key, 'no file');
        assert.deepEqual(logged, [
          'warn: what was stored after the last save was not learned: its rows do not tell the key of the series',
        ]);
        assert.equal(scorer.size, 0);
      });
  });

  it('keeps short what stands for a key that is a whole object', async () => {
    const { keys } = await restarted(undefined, 'key', 'payload.metadata.extra');
    const of = (text: string) => keys.of({ ...walk(0), metadata: { extra: { text } } });
    assert.equal(of('x'), '{"text":"x"}');
    const [long, other] = [of('x'.repeat(1e6)), of('y'.repeat(1e6))];
    assert.ok(long.length < 100 && long !== other);
  });
});
