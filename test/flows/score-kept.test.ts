// The scores of a running gateway go on over SIGTERM and kill -9 as if nothing had been; what was stored never changes.
import assert from 'node:assert/strict';
import type pg from 'pg';
import type { Gateway } from '../../bench/gateway.ts';
import { connectPublisher, type Publisher } from '../../sim/publisher.ts';
import { deviceScorer } from '../../src/anomaly/device.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { type GatewayOnDatabase, gatewayOnDatabase } from '../support/gateway.ts';
import { untilAt } from '../support/until.ts';

const START = Date.UTC(2026, 9, 5);
const wobble = (n: number) => ((n * 7919) % 101) / 101 + ((n * 104_729) % 97) / 97;
const timeOf = (n: number) => new Date(START + n * 60_000).toISOString();

/** A meter's values, wild ones among them. */
const energy = (n: number) => ({
  power_kw: 2 + wobble(n) + (n % 170 === 169 ? 9 : 0),
  voltage: 230 + wobble(n + 50),
});
/** Two elements in turn, far apart in size. */
const distance = (n: number) => ({
  element_id: n % 2 === 0 ? 'wall-1' : undefined,
  element_type: n % 2 === 0 ? 'wall' : 'door',
  value_mm: (n % 2 === 0 ? 2500 : 800) + wobble(n) + (n % 170 === 168 ? 300 : 0),
});

describe('scores of a gateway that ends', () => {
  let running: GatewayOnDatabase;
  let gateway: Gateway;
  let publisher: Publisher;
  let pool: pg.Pool;
  const until = untilAt(() => gateway);
  before(async function () {
    running = await gatewayOnDatabase(this, 'kept');
    ({ gateway, pool } = running);
    // The shipped flow, which then hears laser meters too.
    const topics = ['homelab/energy/#', 'scarnergy/measurements/#'].map(filter => ({ filter, qos: '1' }));
    await gateway.deploy('full', flows => flows.map(node => (node.id === 'fl-mqtt' ? { ...node, topics } : node)));
    await until('the subscription', async () => (await gateway.health()).status === 200);
  });
  after(async () => {
    await publisher?.close();
    await running?.remove();
  });
  const scores = async (): Promise<Map<string, number>> => {
    const { rows } = await pool.query<{ name: string; at: Date; score: number }>(
      `SELECT device_id AS name, timestamp AS at, anomaly_score AS score FROM energy_readings
       UNION ALL SELECT device_id, timestamp, anomaly_score FROM measurements`,
    );
    return new Map(rows.map(({ name, at, score }) => [`${name} ${at.toISOString()}`, score]));
  };
  const scorer = deviceScorer();
  const expectedScores = new Map<string, number>();
  const judge = (deviceId: string, n: number, telemetry: Reading['telemetry'], metadata: Reading['metadata']) => {
    const told = scorer.score({ deviceId, protocol: 'mqtt', timestamp: timeOf(n), telemetry, metadata });
    expectedScores.set(`${deviceId} ${timeOf(n)}`, told?.score ?? Number.NaN);
  };

  /** The first scores that are not what a scorer that never ended says. */
  const different = (stored: ReadonlyMap<string, number>): string[] =>
    [...expectedScores]
      .filter(([name, score]) => stored.get(name) !== score)
      .map(([name, score]) => `${name}: ${stored.get(name)}, expected ${score}`)
      .slice(0, 4);

  const publish = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) {
      const { element_id: elementId, element_type: elementType, value_mm } = distance(n);
      judge('meter', n, energy(n), {});
      judge('AA:BB:CC:DD:EE:01', n, { value_mm }, { elementId, elementType });
    }
    publisher = await connectPublisher(gateway.mqtt, 'meters');
    const messages = Array.from({ length: to - from }, (_, at) => from + at).flatMap(n => [
      ['homelab/energy/meter', { ...energy(n), timestamp: timeOf(n) }] as const,
      [
        'scarnergy/measurements/AA:BB:CC:DD:EE:01',
        { type: 'measurement', device_id: 'AA:BB:CC:DD:EE:01', ...distance(n), timestamp: timeOf(n) },
      ] as const,
    ]);
    for (const [topic, message] of messages) await publisher.publish(topic, JSON.stringify(message));
    await publisher.close();
  };
  /** Publishes and waits until all is stored. */
  const play = async (from: number, to: number): Promise<void> => {
    await publish(from, to);
    await until('the rows', async () => (await scores()).size === expectedScores.size);
  };

  const ends: [how: string, signal: 'SIGTERM' | 'SIGKILL'][] = [
    ['killed before anything was saved', 'SIGKILL'],
    ['stopped', 'SIGTERM'],
    ['killed after a save', 'SIGKILL'],
  ];
  for (const [at, [how, signal]] of ends.entries())
    it(`${how}: goes on with the same scores`, async () => {
      await play(at * 300, at * 300 + 200);
      const before = await scores();
      assert.deepEqual(different(before), []);
      await gateway.end(signal);
      await gateway.start();
      await play(at * 300 + 200, at * 300 + 300);
      const after = await scores();
      assert.deepEqual(different(after), []);
      assert.ok([...after.values()].some(score => score < 0));
      for (const [name, score] of before) assert.equal(after.get(name), score);
    });

  it('killed while the database is away: what lies in the outbox is learned as well', async () => {
    const inOutbox = async () => {
      const text = await (await fetch(`${gateway.url}/metrics`)).text();
      return Number(/^fieldline_outbox_rows\{.*"fl-out".*\} (\d+)$/m.exec(text)?.[1] ?? 0);
    };
    await running.postgres.terminate('SIGKILL');
    await publish(1000, 1100);
    await until('the outbox', async () => (await inOutbox()) === 200);
    await gateway.end('SIGKILL');
    await running.postgres.restart();
    await gateway.start();
    await play(1100, 1200);
    assert.deepEqual(different(await scores()), []);
  });

  it('stopped on the way to the database: what comes again is stored with the score it had', async () => {
    const at = 1500;
    const anomalies = async () => {
      const text = await (await fetch(`${gateway.url}/metrics`)).text();
      return Number(/^fieldline_anomalies_total\{.*"fl-anom".*\} (\d+)$/m.exec(text)?.[1] ?? 0);
    };
    const before = await anomalies();
    // A change of the table that takes longer than a stop waits.
    const lock = await pool.connect();
    await lock.query('BEGIN; LOCK TABLE energy_readings IN ACCESS EXCLUSIVE MODE');
    judge('meter', at, { ...energy(at), power_kw: 40 }, {});
    publisher = await connectPublisher(gateway.mqtt, 'meters');
    await publisher.publish(
      'homelab/energy/meter',
      JSON.stringify({ ...energy(at), power_kw: 40, timestamp: timeOf(at) }),
    );
    await until('the score', async () => (await anomalies()) > before);
    await gateway.end('SIGTERM');
    await lock.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`);
    await lock.query('ROLLBACK');
    lock.release();
    await gateway.start();
    await until('the row', async () => (await scores()).size === expectedScores.size);
    assert.deepEqual(different(await scores()), []);
    assert.ok(((await scores()).get(`meter ${timeOf(at)}`) ?? 1) < 0);
  });
});
