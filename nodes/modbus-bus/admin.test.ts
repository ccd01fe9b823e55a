// The endpoints of the Modbus dialogs in real Node-RED: undeployed settings in, plans, scans and trials out.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { type Simulator, startSimulator } from '../../src/modbus/simulator.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import modbusBus from './modbus-bus.ts';
import { until } from '../../test/support/until.ts';

type Answer = Record<string, unknown> & { error?: string };

describe('modbus-bus dialog', () => {
  let runtime: TestRuntime;
  let simulator: Simulator;
  before(async () => {
    runtime = await testRuntime();
    runtime.register(modbusBus);
    simulator = await startSimulator({ units: [3, 5].map(unit => [unit, (_, at) => at + unit] as const) });
    // As a gateway in front of a serial line: nobody answers for a unit that is not there.
    simulator.misbehave = ({ unit }) =>
      unit === 5 ? { kind: 'exception', code: 2 } : unit === 3 ? undefined : { kind: 'silence' };
  });
  after(async () => {
    await runtime.deploy([]);
    await simulator.close();
  });

  async function ask(path: string, body?: object): Promise<Answer> {
    const response = await fetch(`${runtime.url}/fieldline/modbus/${path}`, {
      ...(body && { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return (await response.json()) as Answer;
  }
  // Long enough for whatever answers: a busy machine may hold the process up.
  const bus = (more: object = {}) => ({ host: '127.0.0.1', port: simulator.port, timeoutMs: '10000', ...more });
  const register = (more: object) =>
    JSON.stringify({ name: 'm', table: 'holding', registers: [{ metric: 'a', address: 1, type: 'uint16', ...more }] });

  it('tries a line and a unit, and says how far it came', async () => {
    assert.deepEqual(await ask('test', { bus: bus(), unit: 3 }).then(({ ok, step }) => [ok, step]), [true, 'answer']);
    assert.match(String((await ask('test', { bus: bus(), unit: 5 })).says), /unit 5 answers: .*exception 02/);
    const silent = await ask('test', { bus: bus({ timeoutMs: '150' }), unit: 9 });
    assert.deepEqual([silent['ok'], silent['step']], [false, 'answer']);
    assert.match(String(silent['says']), /unit 9: no answer within 150 ms/);
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as { port: number };
    closed.close();
    const away = await ask('test', { bus: bus({ port }), unit: 3 });
    assert.deepEqual([away['ok'], away['step']], [false, 'open']);
    assert.match(String(away['says']), /ECONNREFUSED/);
    assert.equal(typeof away['advice'], 'string');
  });

  it('uses the connection of the deployed bus where it is the same line', async () => {
    await runtime.deploy([
      { id: 'b', type: 'fieldline-modbus-bus', ...bus(), timeoutMs: 10_000 },
      { id: 'user', type: 'test-sink', bus: 'b' },
    ]);
    await until(() => simulator.connections > 0);
    const before = simulator.accepted;
    assert.equal((await ask('test', { bus: bus(), unit: 3, node: 'b' }))['ok'], true);
    assert.equal(simulator.accepted, before);
    await runtime.deploy([]);
  });

  it('finds the units of a line', async () => {
    const { id } = await ask('scan', { bus: bus({ timeoutMs: 1000 }), from: 1, to: 7 });
    let progress: Answer = {};
    while (progress['done'] !== true) {
      progress = await ask(`scan?id=${id}`);
      assert.equal(progress.error, undefined);
    }
    assert.equal(progress['of'], 7);
    assert.deepEqual(
      (progress['found'] as { unit: number; says: string }[]).map(({ unit, says }) => [unit, says]),
      [
        [3, 'answers, holding 0 is 0 3'],
        [5, 'exception 02 illegal data address'],
      ],
    );
  });

  it('ends a scan when it is told to, and a scan of a line that is away by itself', async () => {
    const { id } = await ask('scan', { bus: bus({ timeoutMs: '150' }), from: 10, to: 247 });
    await ask('scan-stop', { id });
    while ((await ask(`scan?id=${id}`))['done'] !== true);
    assert.ok(Number((await ask(`scan?id=${id}`))['at']) < 20);
    const away = await ask('scan', { bus: bus({ port: 1 }), from: 1, to: 247 });
    let last: Answer = {};
    while (last['done'] !== true && last.error === undefined) last = await ask(`scan?id=${away['id']}`);
    assert.match(last.error ?? '', /ECONNREFUSED/);
  });

  it('shows a register in all orders, and at the addresses beside it', async () => {
    const answer = (await ask('candidates', { bus: bus(), unit: 3, map: register({ type: 'uint32' }) })) as unknown;
    const candidates = answer as { shift: number; order: string; value: number }[];
    assert.equal(candidates.length, 12);
    assert.deepEqual(
      candidates.filter(({ order }) => order === 'ABCD').map(({ shift, value }) => [shift, value]),
      [
        [-1, 0x30004],
        [0, 0x40005],
        [1, 0x50006],
      ],
    );
    assert.equal(candidates.find(({ shift, order }) => shift === 0 && order === 'CDAB')?.value, 0x50004);
  });

  it('reads all values of a map once', async () => {
    const { telemetry, quality } = await ask('values', { bus: bus(), unit: 3, map: register({ scale: 0.5 }) });
    assert.deepEqual([telemetry, quality], [{ a: 2 }, {}]);
    const refused = await ask('values', { bus: bus(), unit: 5, map: register({}) });
    assert.deepEqual(refused['quality'], { a: 'exception 02 illegal data address' });
  });

  it('plans what is not deployed yet, and checks maps', async () => {
    const plan = await ask('plan', {
      bus: { transport: 'rtu', serialPort: '/dev/ttyUSB0' },
      polls: [{ unitId: '3', map: 'eastron-sdm630', periodMs: '1000' }],
    });
    assert.equal((plan['rounds'] as { requests: unknown[] }[])[0]?.requests.length, 2);
    assert.ok(Number(plan['share']) > 0.1);
    const map = (await ask('check', {
      map: register({ address: 40002, table: undefined }).replace('"table":"holding"', '"base":"4xxxx"'),
    })) as unknown;
    assert.deepEqual(map, [{ metric: 'a', table: 'holding', address: 1, span: 1, type: 'uint16', order: 'ABCD' }]);
    assert.match((await ask('check', { map: register({ type: 'word' }) })).error ?? '', /register 1 \(a\), type/);
    assert.ok(((await ask('maps')) as unknown as string[]).includes('sunspec-meter'));
    assert.ok(Array.isArray((await ask('ports'))['ports']));
  });

  const refused: [path: string, body: object, error: RegExp][] = [
    ['test', { bus: { port: 0 } }, /Port: expected a whole number from 1 to 65535/],
    ['test', { bus: { host: 'http://x/' } }, /Host: expected a host name/],
    ['test', { bus: {}, unit: 300 }, /unit: expected 0 to 255, got 300/],
    ['scan', { bus: {}, from: 9, to: 3 }, /to: expected 9 to 247, got 3/],
    ['scan', {}, /no address|id/],
    ['plan', { bus: {} }, /polls: expected a list/],
    ['plan', { bus: {}, polls: [{ map: 'none' }] }, /register map: expected JSON or one of/],
    ['plan', { bus: {}, polls: [{ map: 'victron-gx', periodMs: 1 }] }, /poll 1, periodMs: expected 10 to 86400000/],
    ['plan', { bus: {}, polls: [null] }, /register map/],
    ['candidates', { bus: {}, map: '{}' }, /name: expected/],
    ['values', { bus: {}, map: 'none' }, /register map: expected JSON or one of/],
  ];
  for (const [path, body, error] of refused)
    it(`${path} refuses ${JSON.stringify(body)}`, async () => assert.match((await ask(path, body)).error ?? '', error));
});
