// modbus-write in real Node-RED, against the simulator on a socket and a real database.
import assert from 'node:assert/strict';
import { type Simulator, startSimulator } from '../../src/modbus/simulator.ts';
import { openDatabase, type Database } from '../../src/store/database.ts';
import { type FlowNode, type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import modbusBus from '../modbus-bus/modbus-bus.ts';
import timescaleDb from '../timescale-db/timescale-db.ts';
import modbusWrite from './modbus-write.ts';

const map = JSON.stringify({
  name: 'heating',
  table: 'holding',
  registers: [{ metric: 'setpoint', address: 3, type: 'int16', scale: 0.1, min: 5, max: 30, unit: '°C' }],
});
type Answer = { outcome: string; error?: string; actor: string; writes: { readBack?: unknown }[] };

describe('modbus-write node', () => {
  let runtime: TestRuntime;
  let simulator: Simulator;
  let holding: number[];
  before(async () => {
    runtime = await testRuntime();
    runtime.register(modbusBus, modbusWrite, timescaleDb);
  });
  beforeEach(async () => {
    for (const sink of ['k', 'e']) runtime.onSink(sink, (_message, _send, done) => done());
    holding = new Array<number>(10).fill(0);
    simulator = await startSimulator({ units: [[1, (_, at) => holding[at]]] });
    simulator.write = ({ address, values }) => {
      for (const [at, value] of values.entries()) holding[address + at] = value;
      return undefined;
    };
  });
  afterEach(async () => {
    await runtime.deploy([]);
    await simulator.close();
  });

  // Long enough for whatever answers: a busy machine may hold the process up.
  const flow = (settings: object = {}, more: FlowNode[] = [], timeoutMs = 10_000): FlowNode[] => [
    ...more,
    { id: 'bus', type: 'fieldline-modbus-bus', host: '127.0.0.1', port: simulator.port, timeoutMs },
    { id: 's', type: 'test-source', wires: [['w']] },
    { id: 'w', type: 'fieldline-modbus-write', bus: 'bus', deviceId: 'h-1', map, wires: [['k'], ['e']], ...settings },
    { id: 'k', type: 'test-sink' },
    { id: 'e', type: 'test-sink' },
  ];
  const answers = (id: string) => runtime.received(id).map(({ payload }) => payload as Answer);

  it('writes, reads back and says so', async () => {
    await runtime.deploy(flow());
    assert.deepEqual(await runtime.emit('s', { payload: { setpoint: 21.5 } }), { ok: true });
    assert.equal(holding[3], 215);
    assert.equal(answers('k')[0]?.outcome, 'verified');
    assert.equal(answers('k')[0]?.writes[0]?.readBack, 21.5);
    assert.equal((await runtime.untilStatus('w', /verified/)).fill, 'green');
  });

  it('sends what it does not carry out to its second output, and the source does not repeat it', async () => {
    await runtime.deploy(flow({}, [], 200));
    assert.deepEqual(await runtime.emit('s', { payload: { setpoint: 99 } }), { ok: true });
    assert.deepEqual(await runtime.emit('s', { payload: { function: 6, address: 3, value: 1 } }), { ok: true });
    simulator.misbehave = () => ({ kind: 'silence' });
    assert.deepEqual(await runtime.emit('s', { payload: { setpoint: 20 } }), { ok: true });
    assert.deepEqual(
      answers('e').map(({ outcome }) => outcome),
      ['refused', 'refused', 'unknown'],
    );
    assert.equal(holding[3], 200, 'it was carried out, but nobody said so');
    assert.match((await runtime.untilStatus('w', /unknown/)).text ?? '', /^unknown: .*no answer within 200 ms/);
  });

  it('says that a value is written where it cannot be read back', async () => {
    await runtime.deploy(flow());
    simulator.misbehave = ({ write }) => (write === undefined ? { kind: 'exception', code: 2 } : undefined);
    assert.deepEqual(await runtime.emit('s', { payload: { setpoint: 21.5 } }), { ok: true });
    assert.equal(answers('k')[0]?.outcome, 'written');
    assert.equal((await runtime.untilStatus('w', /^written: setpoint is written, but cannot/)).fill, 'yellow');
  });

  it('sends nothing in a dry run', async () => {
    await runtime.deploy(flow());
    await runtime.emit('s', { payload: { setpoint: 21.5 }, dryRun: true });
    assert.equal(answers('k')[0]?.outcome, 'dry run');
    assert.equal(holding[3], 0);
  });

  describe('with a log', () => {
    let server: TestPostgres;
    let database: Database;
    before(async function () {
      server = await postgresFor(this);
      database = openDatabase({ url: server.url });
      await database.migrated;
    });
    after(async () => {
      await database?.close();
      await server?.stop();
    });
    beforeEach(() => database.query('DELETE FROM command_log'));
    const logged = (settings: object = {}) =>
      flow({ store: 'db', ...settings }, [{ id: 'db', type: 'fieldline-timescale-db', url: server.url }]);
    const entries = () =>
      database.query<Record<string, unknown>>(
        'SELECT command_id, device_id, actor, action, value, outcome, error FROM command_log ORDER BY id',
      );

    it('enters each command with its outcome, and carries out none twice', async () => {
      await runtime.deploy(logged());
      const first = { payload: { setpoint: 21.5 }, commandId: 'c-1', by: 'anna' };
      await runtime.emit('s', first);
      holding[3] = 0;
      await runtime.emit('s', first);
      await runtime.emit('s', { payload: { setpoint: -5 }, commandId: 'c-2' });
      assert.equal(holding[3], 0, 'the second time nothing was written');
      assert.match(answers('e')[0]?.error ?? '', /was given before/);
      const about = { device_id: 'h-1', action: 'modbus-write' };
      assert.deepEqual(await entries(), [
        { command_id: 'c-1', actor: 'anna', value: { setpoint: 21.5 }, outcome: 'verified', error: null, ...about },
        {
          ...{ command_id: 'c-2', actor: 'flow', value: { setpoint: -5 }, outcome: 'refused', ...about },
          error: 'setpoint: expected 5 to 30 °C, got -5',
        },
      ]);
    });

    it('carries out nothing that it cannot enter', async () => {
      await runtime.deploy(logged());
      await database.query('ALTER TABLE command_log RENAME TO command_log_away');
      await runtime.emit('s', { payload: { setpoint: 21.5 } });
      await database.query('ALTER TABLE command_log_away RENAME TO command_log');
      assert.match(answers('e')[0]?.error ?? '', /the log of commands is away/);
      assert.equal(holding[3], 0);
    });
  });
});
