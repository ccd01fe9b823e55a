// Devices and latest values that are put off: they come out as if each batch had written them, through a crash and a refusal, too.
import assert from 'node:assert/strict';
import { onDatabase } from '../../test/support/database.ts';
import { until } from '../../test/support/until.ts';
import { Fault } from '../kernel/fault.ts';
import type { BulkWrite } from '../reading/contracts.ts';
import type { Reading } from '../reading/reading.ts';
import { deviceUpdates } from './device-updates.ts';
import { reading } from './reading.fixture.ts';
import { readingSink } from './readings.ts';

type Row = { row: Readonly<Record<string, unknown>> };

const NOW = Date.now();
const DEVICES = 300;

/** The same numbers each time, from 0 to below `n`. */
function drawer(seed: number): (n: number) => number {
  let state = seed;
  return n => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** Batches that name the same devices again and again: out of order, with ties, each with other particulars and metrics. */
function batches(count: number, seed = 7): readonly (readonly Reading[])[] {
  const draw = drawer(seed);
  const some = <T>(value: T): T | undefined => (draw(3) === 0 ? value : undefined);
  const one = (batch: number): Reading => {
    const device = draw(DEVICES);
    const at = NOW - 20_000 + batch * 300 + draw(12) * 150;
    const metrics = ['humidity', 'temperature', 'door', 'state', 'connected'].filter(() => draw(2) === 0);
    return reading(
      Object.fromEntries(metrics.map((metric, n) => [metric, [draw(100), draw(2) === 0, `text ${draw(9)}`][n % 3]!])),
      {
        receivedAt: at,
        signalStrength: some(-draw(90)),
        batteryLevel: some(draw(100)),
        firmware: some(`1.${draw(9)}`),
        name: some(`name ${draw(9)}`),
        orgId: `org ${device % 3}`,
        location: some({ lat: draw(9), lon: draw(9) }),
        lastMeasurement: some(new Date(at - draw(900)).toISOString()),
      },
      {
        deviceId: `d${device}`,
        protocol: draw(2) === 0 ? 'mqtt' : 'bluetooth',
        timestamp: new Date(at - draw(9) * 100).toISOString(),
      },
    );
  };
  return Array.from({ length: count }, (_, batch) => Array.from({ length: 500 }, () => one(batch)));
}

describe('devices and latest values that are put off', () => {
  const db = onDatabase();
  beforeEach(() => db.store.query('TRUNCATE sensor_readings, devices, latest_values, device_updates RESTART IDENTITY'));

  const open = (bulk: BulkWrite = db.store.bulk) => readingSink({ query: db.store.prepared, bulk, target: 'test' });
  const left = async () => (await db.store.query('SELECT FROM device_updates')).length;
  const wasPutOff = async () => {
    const [row] = await db.store.query<{ yes: boolean }>('SELECT is_called AS yes FROM device_updates_id_seq');
    return row!.yes;
  };
  const tables = async () => ({
    devices: await db.store.query<Row>(`SELECT to_jsonb(d) - 'created_at' AS row FROM devices AS d ORDER BY device_id`),
    latest: await db.store.query<Row>('SELECT to_jsonb(l) AS row FROM latest_values AS l ORDER BY device_id, metric'),
  });
  /** What stands there when each batch has written its own. */
  const written = async (all: readonly (readonly Reading[])[]) => {
    for (const batch of all) {
      const sink = open();
      await sink.write(batch);
      await sink.close();
    }
    assert.equal(await wasPutOff(), false);
    const expected = await tables();
    await db.store.query('TRUNCATE sensor_readings, devices, latest_values');
    return expected;
  };
  /** Writes until the sink has begun to put off. */
  async function busy(sink: ReturnType<typeof open>, seed: number): Promise<void> {
    while (!(await wasPutOff())) for (const batch of batches(10, seed++)) await sink.write(batch);
  }

  for (const seed of [1, 2, 3])
    it(`come out as if each batch had written them (${seed})`, async () => {
      const all = batches(16, seed);
      const expected = await written(all);
      const sink = open();
      for (const batch of all) await sink.write(batch);
      assert.equal(await wasPutOff(), true);
      await until(async () => (await left()) === 0);
      assert.deepEqual(await tables(), expected);
      await sink.close();
    });

  it('are there once the sink is closed', async () => {
    const all = batches(12);
    const expected = await written(all);
    const sink = open();
    for (const batch of all) await sink.write(batch);
    await sink.close();
    assert.equal(await left(), 0);
    assert.deepEqual(await tables(), expected);
  });

  it('are taken up after a crash by whoever opens next', async () => {
    const all = batches(12);
    const expected = await written(all);
    const never = new Promise<never>(() => undefined);
    // As long as it runs, nothing that was put off is ever written.
    const crashed = open((items, statement, landed) =>
      statement(items).sql.startsWith('WITH device AS') ? never : db.store.bulk(items, statement, landed),
    );
    for (const batch of all) await crashed.write(batch);
    assert.notEqual(await left(), 0);
    assert.notDeepEqual(await tables(), expected);
    const next = open();
    await until(async () => (await left()) === 0);
    assert.deepEqual(await tables(), expected);
    await next.close();
  });

  /** What does not depend on which of two was written first. */
  const timesOf = (all: Awaited<ReturnType<typeof tables>>) => ({
    devices: all.devices.map(({ row }) => [row['device_id'], row['last_seen'], row['last_measurement']]),
    latest: all.latest.map(({ row }) => [row['device_id'], row['metric'], row['timestamp']]),
  });

  it('are taken up without a new start where the answer to a commit was lost', async () => {
    const all = batches(16);
    const expected = timesOf(await written(all));
    let lost = 0;
    const sink = open(async (items, statement, landed) => {
      const rows = await db.store.bulk(items, statement, landed);
      const putsOff = items.length > 0 && /INSERT INTO device_updates/.test(statement(items).sql);
      if (putsOff && lost++ === 0) throw new Fault('FIELDLINE_DATABASE', 'connection lost', { kind: 'outage' });
      return rows;
    });
    for (const batch of all) await sink.write(batch).catch(() => undefined);
    assert.equal(lost > 0, true);
    await until(async () => (await left()) === 0);
    assert.deepEqual(timesOf(await tables()), expected);
    await sink.close();
  });

  it('of a gateway that was killed are taken up by one that runs already', async () => {
    const updates = deviceUpdates(db.store.prepared, db.store.bulk, 20);
    for (const seenAt of [1, 2]) {
      await db.store.query(`INSERT INTO device_updates (body)
        VALUES ('[{"id":"x","seenAt":${seenAt},"protocol":"mqtt","known":{"rssi":-${seenAt}},"latest":[]}]')`);
      await until(async () => (await left()) === 0);
    }
    assert.deepEqual(await db.store.query('SELECT rssi FROM devices'), [{ rssi: -2 }]);
    await updates.close();
  });

  describe('of which somebody else has said something newer', () => {
    /** All devices, without a word on the battery. */
    const round = (at: number) =>
      Array.from({ length: DEVICES }, (_, n) => reading({ humidity: at }, { receivedAt: at }, { deviceId: `d${n}` }));
    const d7 = (receivedAt: number, batteryLevel: number, lat: number) =>
      reading({ humidity: 1 }, { receivedAt, batteryLevel, location: { lat, lon: 0 } }, { deviceId: 'd7' });
    const putOff = async (sink: ReturnType<typeof open>, from: number) => {
      let at = from;
      do await sink.write(round(at++));
      while (!(await wasPutOff()));
      return at;
    };
    const kept = async () => {
      await until(async () => (await left()) === 0);
      const [row] = await db.store.query(
        `SELECT battery_estimate AS battery, metadata->'location' AS location FROM devices WHERE device_id = 'd7'`,
      );
      return row;
    };

    it('a late reading says no particulars as if they were new', async () => {
      const other = open();
      await other.write([d7(NOW - 9000, 55, 5)]);
      const sink = open();
      const at = await putOff(sink, NOW - 8000);
      await sink.write([d7(NOW - 10_000, 40, 4)]);
      await sink.write(round(at));
      assert.deepEqual(await kept(), { battery: 55, location: { lat: 5, lon: 0 } });
      await Promise.all([sink.close(), other.close()]);
    });

    it('nothing is said again that was written before', async () => {
      const sink = open();
      await sink.write([d7(NOW - 9000, 40, 4)]);
      const other = open();
      await other.write([d7(NOW - 8000, 55, 5)]);
      await putOff(sink, NOW - 7000);
      assert.deepEqual(await kept(), { battery: 55, location: { lat: 5, lon: 0 } });
      await Promise.all([sink.close(), other.close()]);
    });

    it('a late reading fills what nobody has said a word on, through a crash, too', async () => {
      const never = new Promise<never>(() => undefined);
      const crashed = open((items, statement, landed) =>
        statement(items).sql.startsWith('WITH device AS') ? never : db.store.bulk(items, statement, landed),
      );
      const at = await putOff(crashed, NOW - 8000);
      await crashed.write([d7(NOW - 10_000, 40, 4)]);
      await crashed.write(round(at));
      const next = open();
      assert.deepEqual(await kept(), { battery: 40, location: { lat: 4, lon: 0 } });
      await next.close();
    });
  });

  it('a text of another version holds up nobody', async () => {
    await db.store.query(`INSERT INTO device_updates (body) VALUES ('{'), ('[]'),
      ('[{"id":"x","seenAt":1,"protocol":"bluetooth","known":{"rssi":-5,"shoes":2},"latest":[["t","2026-01-01T00:00:00Z",7]]}]'),
      ('{"v":2}'), ('[{"id":"y"}]')`);
    const sink = open();
    await until(async () => (await left()) === 0);
    assert.deepEqual(await db.store.query('SELECT device_id AS id, rssi FROM devices'), [{ id: 'x', rssi: -5 }]);
    assert.deepEqual(await db.store.query('SELECT metric, value FROM latest_values'), [{ metric: 't', value: 7 }]);
    await sink.close();
  });

  it('a text that nobody can read is thrown away', async () => {
    await db.store.query(`INSERT INTO device_updates (body) VALUES ('{')`);
    const sink = open();
    await until(async () => (await left()) === 0);
    await sink.close();
  });

  it('that the database refuses are told with the next reading, and the others land', async () => {
    await db.store.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.device_id = 'd7' AND NEW.rssi < -100 THEN RAISE 'too faint' USING ERRCODE = 'check_violation'; END IF;
        RETURN NEW; END $$;
      CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON devices FOR EACH ROW EXECUTE FUNCTION refuse()`);
    const sink = open();
    await busy(sink, 1);
    const faint = () =>
      reading(
        { humidity: 1 },
        { signalStrength: -120, receivedAt: NOW },
        { deviceId: 'd7', timestamp: '2026-01-01T00:00:00Z' },
      );
    const loud = reading({ humidity: 2 }, { signalStrength: -11, receivedAt: NOW }, { deviceId: 'd8' });
    await until(async () => {
      const [outcome] = await sink.write([faint(), loud]);
      return typeof outcome === 'object' && /too faint/.test(outcome.rejected);
    });
    await sink.close();
    assert.deepEqual(await db.store.query(`SELECT rssi FROM devices WHERE device_id = 'd8'`), [{ rssi: -11 }]);
    await db.store.query('DROP TRIGGER refuse ON devices; DROP FUNCTION refuse');
  });

  it('make nobody a dead letter where only their own table refuses', async () => {
    await db.store.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM nextval('device_updates_id_seq'); RAISE 'not here' USING ERRCODE = 'check_violation'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON device_updates FOR EACH ROW EXECUTE FUNCTION refuse()`);
    const sink = open();
    const outcomes = new Set<unknown>();
    for (let seed = 1; !(await wasPutOff()); seed++)
      for (const batch of batches(10, seed)) for (const outcome of await sink.write(batch)) outcomes.add(outcome);
    await sink.close();
    await db.store.query('DROP TRIGGER refuse ON device_updates; DROP FUNCTION refuse');
    assert.deepEqual([...outcomes], ['stored']);
  });

  it('wait where devices take nothing, and land when that is mended', async () => {
    const sink = open();
    await busy(sink, 100);
    await db.store.query('ALTER TABLE latest_values ADD unit text NOT NULL DEFAULT $$$$');
    await db.store.query('ALTER TABLE latest_values ALTER unit DROP DEFAULT');
    const last = batches(10, 5).map(batch => batch.map(one => ({ ...one, timestamp: new Date(NOW).toISOString() })));
    let refused = 0;
    for (const batch of last) await sink.write(batch).catch(() => refused++);
    await until(async () => {
      await sink.write(last[0]!).catch(() => refused++);
      return refused > 0;
    });
    await db.store.query('ALTER TABLE latest_values DROP unit');
    await until(async () => (await left()) === 0);
    await sink.close();
  });

  it('need no right to their table: without it each batch writes its own, and the database is not called away', async () => {
    await db.store.query('ALTER TABLE device_updates RENAME TO elsewhere');
    const states: unknown[] = [];
    const stop = db.store.onState(state => states.push(state));
    const sink = open();
    for (const batch of batches(20)) await sink.write(batch);
    await sink.close();
    stop();
    await db.store.query('ALTER TABLE elsewhere RENAME TO device_updates');
    assert.equal(await wasPutOff(), false);
    assert.ok((await tables()).devices.length > 200);
    assert.deepEqual(states, []);
  });
});
