// telemetry-api in real Node-RED, on a database that answers what the test says: questions, faults, HTTP, deploys.
import assert from 'node:assert/strict';
import { Fault } from '../../src/kernel/fault.ts';
import { defineConfig, type Message } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import type { Query } from '../../src/reading/contracts.ts';
import { type FlowNode, type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import telemetryApi from './telemetry-api.ts';

describe('telemetry-api', () => {
  let runtime: TestRuntime;
  let answer: (sql: string, values?: readonly unknown[]) => Promise<readonly unknown[]>;
  const database = defineConfig({
    type: 'fieldline-test-query',
    family: 'config',
    summary: 'Test database.',
    labelField: 'name',
    fields: { name: { kind: 'text', label: 'Name', help: '', initial: 'test' } },
    start() {
      const query = ((sql, values) => answer(sql, values)) as Query;
      return { provides: { query, within: () => query } };
    },
  });
  const flow = (settings: object = {}): FlowNode[] => [
    { id: 'db', type: 'fieldline-test-query' },
    { id: 'from', type: 'test-source', wires: [['api']] },
    { id: 'api', type: 'fieldline-telemetry-api', store: 'db', wires: [['to']], ...settings },
    { id: 'to', type: 'test-sink' },
  ];
  const device = { device_id: 'D1', online: true, last_seen: '2026-01-01 00:00:00', last_measurement: null };
  const latest = {
    device_ids: '["D1","D1","D1"]',
    metrics: '["voltage","current","power_kw"]',
    values: '[230.04,13,2.750000000895319]',
    texts: '[null,null,null]',
    times: '["2026-01-01T00:00:00","2026-01-01T00:00:00","2026-01-01T00:00:01"]',
    stale_before: '"2026-01-02T00:00:00"',
  };
  /** Rows for the statements about devices; any other gets these. */
  const devicesOr = (others: readonly unknown[]) => async (sql: string) =>
    sql.includes('latest_values') ? [latest] : sql.includes('d.firmware') ? [device] : others;

  before(async () => {
    runtime = await testRuntime();
    runtime.register(nodeRed(database), telemetryApi);
  });
  beforeEach(() => {
    answer = async () => [];
  });
  after(() => runtime.deploy([]));

  it('answers scores: value, band and score of the last values, of the latest anomaly where no device is named', async () => {
    const wobble = (at: number) => ((at * 7919) % 101) / 101;
    const rows = Array.from({ length: 200 }, (_, at) => ({ at: new Date(1e12 + at * 60_000), value: 20 + wobble(at) }));
    const asked: (readonly unknown[])[] = [];
    answer = async (sql, values = []) => {
      if (sql.includes('anomaly_score < 0'))
        return [{ time: new Date(), device_id: 'D2', metric: 'flow_rate', metadata: {} }];
      asked.push(values);
      return [...rows].reverse();
    };
    await runtime.deploy(flow({ what: 'scores', points: 10 }));
    await runtime.emit('from', {});
    await runtime.emit('from', { query: { device: 'D1', metric: 'temperature' } });
    assert.deepEqual(
      asked.map(values => values.slice(0, 2)),
      [
        ['D2', 'flow_rate'],
        ['D1', 'temperature'],
      ],
    );
    const points = runtime.received('to').at(-1)?.payload as Record<string, unknown>[];
    assert.equal(points.length, 40, 'four lines of ten points');
    const [value, low, high, score] = points.map(({ y }) => y as number);
    assert.ok(value! > low! && value! < high! && score! > 0 && score! <= 1);
    assert.deepEqual(
      { ...points[0], y: 0 },
      { device: 'D1', metric: 'temperature', unit: '°C', line: 'value', x: 1e12 + 190 * 60_000, y: 0 },
    );
  });

  it('answers scores of a counter by the hour, as its sentences do, also the band that was said; of a young series that it learns', async () => {
    const said = { score: 0.5, band: [0.0001, 0.0003] };
    const rows = Array.from({ length: 300 }, (_, at) => ({
      ...{ at: new Date(1e12 + at * 60_000), value: 1000 + at / 100 - (at >= 297 ? 900 : 0), guarded: false },
      said: at >= 299 ? said : at === 298 ? { score: 1 } : null,
    }));
    answer = async () => [...rows].reverse();
    await runtime.deploy(flow({ what: 'scores', points: 4, device: 'D1', metric: 'total_energy_kwh' }));
    await runtime.emit('from', {});
    const points = runtime.received('to').at(-1)?.payload as Record<string, unknown>[];
    assert.ok(points.every(({ unit }) => unit === 'kWh/h'));
    const at = (place: number) => points.filter(({ x }) => x === 1e12 + place * 60_000).map(({ line, y }) => [line, y]);
    assert.deepEqual(at(296)[0], ['value', 0.6]);
    assert.deepEqual(
      at(297).map(([line]) => line),
      ['score'],
      'it began anew',
    );
    assert.deepEqual(at(298), [
      ['value', 0.6],
      ['score', 1],
    ]);
    assert.deepEqual(at(299), [
      ['value', 0.6],
      ['low', 0.36],
      ['high', 1.08],
      ['score', 0.5],
    ]);
    answer = async () => rows.slice(0, 20).reverse();
    await runtime.emit('from', {});
    const young = runtime.received('to').at(-1)?.payload as Record<string, unknown>[];
    assert.equal(young[0]?.['learning'], 20);
  });

  it('asks what its settings say, and what the message says', async () => {
    answer = devicesOr([{ devices: 3, online: 2 }]);
    await runtime.deploy(flow());
    assert.deepEqual(await runtime.emit('from', { topic: 'kpi' }), { ok: true });
    assert.deepEqual(await runtime.emit('from', { query: { what: 'devices' } }), { ok: true });
    const [kpi, devices] = runtime.received('to') as [Message, Message];
    assert.equal(kpi.topic, 'kpi');
    assert.equal((kpi.payload as Record<string, unknown>)['online'], 2);
    const [row] = devices.payload as Record<string, unknown>[];
    assert.deepEqual([row?.['value'], row?.['value_text']], [2.75, '2.750 kW']);
    assert.equal(row?.['values'], 'power_kw 2.750 kW, current 13.00 A, voltage 230.0 V');
    const { fill } = await runtime.untilStatus('api', /^devices, 1 row, \d+ ms$/);
    assert.equal(fill, 'green');
  });

  it('completes a question with its settings', async () => {
    let asked: readonly unknown[] = [];
    answer = async (_sql, values = []) => {
      asked = values;
      return [];
    };
    await runtime.deploy(flow({ what: 'history', device: 'D1', metric: 'temperature', hours: 1, points: 60 }));
    await runtime.emit('from', { query: { metric: 'humidity' } });
    assert.deepEqual([asked[0], asked[1], asked[4]], [['D1'], ['humidity'], '60000 milliseconds']);
  });

  it('fails the message with the reason when the question is wrong, or the database away', async () => {
    await runtime.deploy(flow({ what: 'history' }));
    const wrong = await runtime.emit('from', {});
    assert.ok(!wrong.ok && wrong.kind === 'data');
    assert.match(wrong.reason, /device: expected a device id/);
    answer = () => Promise.reject(new Fault('FIELDLINE_DATABASE', 'database: away', { kind: 'outage' }));
    const away = await runtime.emit('from', { query: { what: 'summary' } });
    assert.ok(!away.ok && away.kind === 'outage');
    await runtime.untilStatus('api', /database: away/);
  });

  it('drops questions that a slow database cannot take', async () => {
    let release = () => {};
    const released = new Promise<void>(resolve => {
      release = resolve;
    });
    answer = async () => {
      await released;
      return [];
    };
    await runtime.deploy(flow({ what: 'anomalies' }));
    const asked = Array.from({ length: 9 }, () => runtime.emit('from', {}));
    assert.deepEqual(await asked[8], { ok: true });
    assert.equal(runtime.received('to').length, 0);
    release();
    await Promise.all(asked);
    assert.equal(runtime.received('to').length, 8);
  });

  it('serves HTTP, also after a deploy, and not when it is off or gone', async () => {
    answer = devicesOr([]);
    for (let deploys = 0; deploys < 2; deploys++) {
      await runtime.deploy(flow());
      const devices = await fetch(`${runtime.url}/api/devices`);
      assert.equal(devices.status, 200);
      assert.equal(((await devices.json()) as { device_id: string }[])[0]?.device_id, 'D1');
      assert.equal((await fetch(`${runtime.url}/api/history?device=D1&metric=co2`)).status, 200);
      assert.equal((await fetch(`${runtime.url}/api/history?device=D1`)).status, 400);
      assert.match(await (await fetch(`${runtime.url}/metrics`)).text(), /^# TYPE fieldline_/m);
    }
    await runtime.deploy(flow({ http: 'off' }));
    assert.equal((await fetch(`${runtime.url}/api/devices`)).status, 503, 'for a moment, as in a deploy');
  });

  it('has every node that takes messages in /metrics, from its start on', async () => {
    answer = devicesOr([]);
    const taken = async () =>
      /^fieldline_messages_total\{.*node="api",type="fieldline-telemetry-api"\} (\d+)$/m.exec(
        await (await fetch(`${runtime.url}/metrics`)).text(),
      )?.[1];
    await runtime.deploy(flow());
    const before = Number(await taken());
    await runtime.emit('from', {});
    assert.equal(Number(await taken()), before + 1);
  });

  it('asks the gateway who asks', async () => {
    const services = runtime.settings.services as Record<string, unknown>;
    services['identify'] = () => ({ refused: 'expected a login' });
    await runtime.deploy(flow());
    assert.equal((await fetch(`${runtime.url}/api/devices`)).status, 401);
    services['identify'] = () => ({ role: 'viewer', org: 'north' });
    const asked: unknown[] = [];
    answer = async (_sql, values = []) => {
      asked.push(...values);
      return [];
    };
    await runtime.deploy(flow());
    assert.equal((await fetch(`${runtime.url}/api/devices`)).status, 200);
    assert.ok(asked.includes('north'), 'sees its own organisation only');
    delete services['identify'];
  });

  it('says what is missing when no database is chosen', async () => {
    await runtime.deploy(flow({ store: '' }));
    const { fill } = await runtime.untilStatus('api', /Database: expected one that is valid/);
    assert.equal(fill, 'red');
  });
});
