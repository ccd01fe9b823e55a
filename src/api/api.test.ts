// What the telemetry API finds on a real PostgreSQL: devices, history, figures, anomalies, as flow answers.
import assert from 'node:assert/strict';
import { fakeClock, systemClock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import { restoreLedger } from '../kernel/ledger.ts';
import { onDatabase } from '../../test/support/database.ts';
import { answerer } from './answers.ts';
import { latestAnomalies } from './anomalies.ts';
import { listDevices } from './devices.ts';
import { summarizer } from './summary.ts';

describe('telemetry API on PostgreSQL', () => {
  const database = onDatabase();
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

  beforeEach(() =>
    database.store.query(`TRUNCATE devices, latest_values, measurements, sensor_readings, energy_readings, flow_data`),
  );

  async function device(id: string, lastSeen: Date | null, klass: string | null = null): Promise<void> {
    await database.store.query(`INSERT INTO devices (device_id, last_seen, class) VALUES ($1, $2, $3)`, [
      id,
      lastSeen,
      klass,
    ]);
  }
  const latest = (id: string, metric: string, value: number | null, text: string | null, at: Date) =>
    database.store.query(
      `INSERT INTO latest_values (device_id, metric, value, value_text, timestamp) VALUES ($1, $2, $3, $4, $5)`,
      [id, metric, value, text, at],
    );

  it('lists devices with their latest values and state', async () => {
    await device('a', minutesAgo(1));
    await device('b', minutesAgo(16));
    await device('c', minutesAgo(14));
    await device('d', null);
    await device('pi', minutesAgo(6), 'scanner');
    const [fresh, old] = [minutesAgo(1), minutesAgo(6)];
    await latest('a', 'temperature', 21.5, null, fresh);
    await latest('a', 'window', 1, 'true', old);
    await latest('a', 'state', null, 'open', fresh);
    const devices = await listDevices(database.store.query);
    assert.deepEqual(
      devices.map(({ device_id, online }) => [device_id, online]),
      [
        ['a', true],
        ['b', false],
        ['c', true],
        ['d', false],
        ['pi', false],
      ],
    );
    assert.deepEqual(devices[0]!.latest, {
      temperature: { value: 21.5, unit: '°C', timestamp: fresh.toISOString(), stale: false },
      window: { value: true, timestamp: old.toISOString(), stale: true },
      state: { value: 'open', timestamp: fresh.toISOString(), stale: false },
    });
    assert.deepEqual(devices[3]!.latest, {});
  });

  it('shows times with all their digits, and none that ISO 8601 cannot say: another writer may say anything', async () => {
    await device('a', null);
    for (const [metric, time, shown] of [
      ['whole', '2026-02-11T14:30:00Z', '2026-02-11T14:30:00.000Z'],
      ['tenths', '2026-02-11T14:30:00.5+02', '2026-02-11T12:30:00.500Z'],
      ['tens of microseconds', '2026-02-11T14:30:00.12345Z', '2026-02-11T14:30:00.12345Z'],
      ['microseconds', '0001-02-11T14:30:00.123456Z', '0001-02-11T14:30:00.123456Z'],
      ['never', 'infinity', undefined],
      ['before', '-infinity', undefined],
      ['Christ', '0044-03-15 12:00:00.123 BC', undefined],
      ['far', '12026-01-01', undefined],
    ] as const) {
      await database.store.query(
        `INSERT INTO latest_values (device_id, metric, value, timestamp) VALUES ('a', $1, 1, $2)`,
        [metric, time],
      );
      await database.store.query('UPDATE devices SET last_seen = $1, last_measurement = $1', [time]);
      const [found] = await listDevices(database.store.query);
      assert.deepEqual(
        [found?.latest[metric]?.timestamp, found?.last_seen ?? undefined, found?.last_measurement ?? undefined],
        [shown, shown, shown],
        metric,
      );
    }
  });

  it('lists no more than it is asked for', async () => {
    for (const id of ['a', 'b', 'c']) await device(id, null);
    assert.equal((await listDevices(database.store.query, 2)).length, 2);
  });

  async function anomalies(): Promise<void> {
    const explained = {
      anomaly: { metric: 'voltage', kind: 'level', severity: 'warning', expected: 230, why: 'too high' },
    };
    await database.store.query(
      `INSERT INTO measurements (device_id, value_mm, anomaly_score, timestamp)
       VALUES ('l', 1, -0.5, $1), ('l', 2, 1, $1), ('l', 3, 0, $1), ('l', 4, NULL, $1)`,
      [minutesAgo(4)],
    );
    await database.store.query(
      `INSERT INTO energy_readings (device_id, power_kw, voltage, anomaly_score, timestamp, metadata)
       VALUES ('e', 2, 300, -0.25, $1, $2)`,
      [minutesAgo(3), JSON.stringify(explained)],
    );
    await database.store.query(
      `INSERT INTO sensor_readings (device_id, metric, value, anomaly_score, timestamp, metadata)
       VALUES ('s', 'voltage', 5, -1, $1, $2), ('s', 'humidity', 50, -1, $1, $2)`,
      [minutesAgo(2), JSON.stringify(explained)],
    );
    // Another writer's metadata may say anything.
    await database.store.query(
      `INSERT INTO flow_data (device_id, flow_rate, anomaly_score, created_at, metadata) VALUES ('f', 7, -2, $1, $2)`,
      [
        minutesAgo(1),
        JSON.stringify({ anomaly: { metric: 'device_id', expected: 'much', also: [{ metric: 'level' }, null, {}] } }),
      ],
    );
  }

  it('shows the latest anomalies of all tables, each reading once, newest first', async () => {
    await anomalies();
    const rows = await latestAnomalies(database.store.query, 10);
    assert.deepEqual(
      rows.map(row => [
        row.table,
        row.device_id,
        row.metric,
        row.value,
        row.anomaly_score,
        row.kind,
        row.severity,
        row.expected,
        row.why,
        row.also,
      ]),
      [
        ['flow_data', 'f', 'device_id', null, -2, null, null, null, null, ['level']],
        ['sensor_readings', 's', 'voltage', 5, -1, 'level', 'warning', 230, 'too high', []],
        ['energy_readings', 'e', 'voltage', 300, -0.25, 'level', 'warning', 230, 'too high', []],
        ['measurements', 'l', 'value_mm', 1, -0.5, null, null, null, null, []],
      ],
    );
    assert.equal((await latestAnomalies(database.store.query, 1)).length, 1);
  });

  it('gives with each anomaly the name of its device, and its reading as the score knows it', async () => {
    const at = minutesAgo(1);
    const query = database.store.query;
    await query(`INSERT INTO devices (device_id, name) VALUES ('e', 'Press')`);
    const told = (metric: string, more: object = {}) => ({ anomaly: { metric, kind: 'spike', judged: 7 }, ...more });
    const rows: [insert: string, metadata: object | null, name: string, reading: object][] = [
      [
        `INTO energy_readings (device_id, power_kw, anomaly_score, timestamp, metadata) VALUES ('e', 2, -1, $1, $2)`,
        ...([told('frequency', { telemetry: { frequency: 51 } }), 'Press'] as const),
        { deviceId: 'e', telemetry: { frequency: 51 }, metadata: told('frequency') },
      ],
      [
        `INTO sensor_readings (device_id, metric, value, anomaly_score, timestamp, metadata) VALUES ('s', 'co2', 5, -1, $1, $2)`,
        ...([told('co2', { site: 'north' }), 's'] as const),
        { deviceId: 's', telemetry: { co2: 5 }, metadata: told('co2') },
      ],
      [
        `INTO measurements (device_id, element_type, value_mm, anomaly_score, timestamp, metadata) VALUES ('l', 'door', 900, -1, $1, $2)`,
        ...([told('value_mm'), 'l'] as const),
        { deviceId: 'l', telemetry: { value_mm: 900 }, metadata: { ...told('value_mm'), elementType: 'door' } },
      ],
      [
        `INTO flow_data (device_id, status, anomaly_score, created_at, metadata) VALUES ('f', 'on', -1, $1, $2)`,
        ...([null, 'f'] as const),
        { deviceId: 'f', telemetry: {}, metadata: {} },
      ],
    ];
    for (const [insert, metadata] of rows) await query(`INSERT ${insert}`, [at, metadata]);
    const found = await latestAnomalies(query, 10);
    for (const [, , name, reading] of rows)
      assert.deepEqual(
        found.filter(row => row.name === name).map(row => row.reading),
        [{ ...reading, timestamp: at.toISOString() }],
      );
  });

  it('counts devices, those online, rows and anomalies', async () => {
    await device('a', minutesAgo(1));
    await device('b', minutesAgo(60));
    await anomalies();
    await database.store.query(
      `INSERT INTO sensor_readings (device_id, metric, value, timestamp) VALUES ('a', 't', 1, now())`,
    );
    await database.store.query(
      `INSERT INTO measurements (device_id, value_mm, anomaly_score, timestamp) VALUES ('a', 1, -1, $1)`,
      [minutesAgo(25 * 60)],
    );
    assert.deepEqual(await summarizer(database.store.query, systemClock)(), {
      devices: 2,
      online: 1,
      rows_last_minute: 1,
      anomalies_24h: 4,
    });
  });

  it('answers with the ledger of this process, and says where it does not balance', async () => {
    const totals = { returned: 1, outbox: 1, deadLetters: 1, duplicates: 2, dropped: 3, open: 0, openSince: undefined };
    const line = { ...totals, upTo: 0, beyond: [], countedAt: 0, stored: 10 };
    restoreLedger([
      { ...line, source: 'api test 1', name: 'api test', received: 18 },
      { ...line, source: 'api test 2', name: 'api test', received: 20 },
    ]);
    const ask = answerer(database.store.query, systemClock, () => 0);
    const rows = ((await ask({ what: 'ledger' })) as Record<string, unknown>[]).filter(row =>
      String(row['id']).startsWith('api test'),
    );
    const counts = { stored: 10, duplicates: 2, dead_letters: 1, dropped: 3, in_flight: 1 };
    const [one, two] = ['api test 1', 'api test 2'].map(id => ({ id, source: `api test (${id})` }));
    assert.deepEqual(rows, [
      { ...one, ...counts, in: 17, difference: 0, state: 'balanced' },
      { ...two, ...counts, in: 19, difference: 2, state: 'does not balance' },
    ]);
  });

  it('answers a flow with rows for widgets', async () => {
    const clock = { ...fakeClock(), now: Date.now };
    const steady = fakeClock();
    let messages = 1000;
    const answer = answerer(database.store.query, { now: clock.now, steady: steady.steady }, () => messages);
    await device('a', minutesAgo(2));
    await latest('a', 'temperature', 21.456, null, minutesAgo(2));
    await anomalies();

    assert.equal(((await answer({ what: 'summary' })) as Record<string, unknown>)['messages_per_second'], 0);
    messages += 125;
    steady.advance(10_000);
    const figures = (await answer({ what: 'summary' })) as Record<string, unknown>;
    assert.deepEqual([figures['messages_per_second'], figures['messages_per_second_text']], [12.5, '12.5/s']);

    const [row] = (await answer({ what: 'devices' })) as Record<string, unknown>[];
    assert.equal(row?.['value_text'], '21.5 °C');
    assert.equal(row?.['values'], 'temperature 21.5 °C');
    assert.equal(row?.['state'], 'online');
    assert.equal(row?.['age'], '2 min ago');

    const points = (await answer({
      what: 'history',
      device: 's',
      metric: 'voltage',
      hours: 1,
      points: 10,
    })) as unknown[];
    assert.equal(points.length, 1);
    assert.deepEqual(
      { ...(points[0] as object), x: 0 },
      { series: 'voltage', device: 's', x: 0, y: 5, min: 5, max: 5, count: 1 },
    );

    const [worst] = (await answer({ what: 'anomalies', points: 2 })) as Record<string, unknown>[];
    assert.deepEqual([worst?.['score_text'], worst?.['why']], ['-2.00', 'Odd with it: level.']);

    for (const [ask, reason] of [
      [
        { what: 'nothing' },
        /query\.what: expected one of summary, devices, history, anomalies, ledger, unknown, got "nothing"/,
      ],
      [{}, /query\.what/],
      [{ what: 'history', metric: 'voltage' }, /device: expected a device id/],
    ] as const)
      await assert.rejects(
        answer(ask),
        fault => fault instanceof Fault && fault.kind === 'data' && reason.test(fault.message),
      );
  });
});
