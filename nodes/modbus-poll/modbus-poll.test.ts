// modbus-poll and modbus-bus in real Node-RED, against the simulator on a socket.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Fault } from '../../src/kernel/fault.ts';
import { startDemoInstruments } from '../../src/modbus/demo.ts';
import { type Simulator, startSimulator } from '../../src/modbus/simulator.ts';
import { metric } from '../../src/kernel/metrics.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { mapNames, shippedFolder } from '../../src/modbus/maps.ts';
import { type FlowNode, type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import modbusBus from '../modbus-bus/modbus-bus.ts';
import { fields } from './fields.ts';
import modbusPoll from './modbus-poll.ts';
import { until } from '../../test/support/until.ts';

const inlineMap = JSON.stringify({
  name: 'two-words',
  table: 'holding',
  registers: [
    { metric: 'flow_rate', address: 0, type: 'uint16' },
    { metric: 'status', address: 1, type: 'uint16' },
  ],
});

describe('modbus-poll node', () => {
  let runtime: TestRuntime;
  let simulator: Simulator;
  before(async () => {
    runtime = await testRuntime();
    runtime.register(modbusBus, modbusPoll);
  });
  beforeEach(async () => {
    runtime.onSink('k', (_message, _send, done) => done());
    simulator = await startSimulator({ units: [[1, (_, address) => address + 10]] });
  });
  afterEach(async () => {
    await runtime.deploy([]);
    delete (runtime.settings.services as Record<string, unknown>)['demo'];
    await simulator.close();
  });

  // Long enough for whatever answers: a busy machine may hold the process up.
  const flow = (poll: object = {}, bus: object = {}): FlowNode[] => [
    { id: 'bus', type: 'fieldline-modbus-bus', host: '127.0.0.1', port: simulator.port, timeoutMs: 10_000, ...bus },
    {
      id: 'p',
      type: 'fieldline-modbus-poll',
      bus: 'bus',
      map: inlineMap,
      deviceId: 'meter-7',
      periodMs: 20,
      wires: [['k'], ['e']],
      ...poll,
    },
    { id: 'k', type: 'test-sink' },
    { id: 'e', type: 'test-sink' },
  ];
  const readings = (id: string) => runtime.received(id).map(({ payload }) => payload as Reading);

  it('sends one reading per poll, with the words it got', async () => {
    await runtime.deploy(flow());
    const [message] = await runtime.until('k', 5);
    assert.equal(message?.topic, `modbus/127.0.0.1:${simulator.port}/1/two-words`);
    const [first, ...others] = readings('k');
    assert.equal(first?.deviceId, 'meter-7');
    assert.equal(first?.protocol, 'modbus');
    assert.deepEqual(first?.telemetry, { flow_rate: 10, status: 11 });
    assert.deepEqual(first?.metadata.raw, { topic: message?.topic, hex: '000a000b' });
    assert.equal(first?.metadata.orgId, undefined);
    assert.ok(others.every(({ metadata }) => metadata.digest !== first?.metadata.digest));
    assert.match(
      (await runtime.untilStatus('p', /2 values/)).text ?? '',
      /^2 values, \d\.\d s ago, \d+(\.\d)?\/s(, \d+ overruns?)?$/,
    );
    assert.equal(runtime.status('p').fill, 'green');
  });

  it('leaves out a number that no instrument measures, says why, and counts it', async () => {
    const huge = Buffer.from('6974E718D7D7625A', 'hex'); // 1e200
    simulator.units.set(1, (_, address) => (address < 4 ? huge.readUInt16BE(address * 2) : 7));
    const registers = [
      { metric: 'flow_rate', address: 0, type: 'float64' },
      { metric: 'status', address: 4, type: 'uint16' },
    ];
    const counted = () =>
      metric('fieldline_absent_values_total', { node: 'p', type: 'fieldline-modbus-poll', name: 'modbus-poll' });
    const before = counted();
    await runtime.deploy(flow({ map: JSON.stringify({ name: 'huge', table: 'holding', registers }) }));
    await runtime.until('k', 2);
    const [first] = readings('k');
    assert.deepEqual(first?.telemetry, { status: 7 });
    assert.match(first?.metadata.quality?.['flow_rate'] ?? '', /expected at most 1e100 either way, got 1e\+200/);
    assert.ok(counted() - before >= 2);
  });

  it('names its bus after the operator, as one level of the topic', async () => {
    await runtime.deploy(flow({}, { name: 'cellar / line #1' }));
    const [message] = await runtime.until('k', 1);
    assert.equal(message?.topic, 'modbus/cellar-line-1/1/two-words');
  });

  it('reads the demo instruments of the gateway where no address is set', async () => {
    const instruments = await startDemoInstruments();
    (runtime.settings.services as Record<string, unknown>)['demo'] = {
      modbus: { host: instruments.host, port: instruments.port },
    };
    await runtime.deploy(flow({ map: 'nivus-float32', deviceId: '' }, { host: '' }));
    await runtime.until('k', 1);
    const reading = readings('k')[0];
    assert.equal(reading?.deviceId, 'demo-flow-1');
    assert.equal(reading?.metadata.orgId, 'demo');
    assert.deepEqual(Object.keys(reading?.telemetry ?? {}), ['flow_rate', 'totalizer', 'temperature', 'status']);
    await runtime.deploy([]);
    await instruments.close();
  });

  it('has demo instruments of its own in a bare palette', async () => {
    await runtime.deploy(flow({ map: 'nivusonic-input', deviceId: '', unitId: 2 }, { host: 'demo' }));
    await runtime.until('k', 1);
    const reading = readings('k')[0];
    assert.equal(reading?.deviceId, 'demo-flow-2');
    assert.equal(reading?.metadata.raw?.topic, 'modbus/demo/2/nivusonic-input');
  });

  it('offers all shipped maps, and its help names them', () => {
    const names = mapNames(shippedFolder);
    assert.deepEqual(fields.map.suggestions, names);
    const help = readFileSync(new URL('./README.md', import.meta.url), 'utf8');
    assert.deepEqual(
      names.filter(name => !help.includes(`| \`${name}\` |`)),
      [],
    );
  });

  it('takes registers over from other programs and tables in its dialog', async () => {
    const ask = async (path: string, body: object): Promise<Record<string, unknown>> => {
      const response = await fetch(`${runtime.url}/fieldline/modbus/${path}`, {
        ...{ method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } },
      });
      return (await response.json()) as Record<string, unknown>;
    };
    const text = '[[inputs.modbus]]\ncontroller="tcp://h:502"\nslave_id=4\ncoils=[{name="pump",address=[3]}]\n';
    const imported = await ask('import', { format: 'telegraf', text });
    const [device] = imported['devices'] as { unit: number; map: string }[];
    assert.equal(device?.unit, 4);
    assert.deepEqual(JSON.parse(device?.map ?? '').registers, [{ metric: 'pump', table: 'coil', address: 3 }]);
    assert.match(String((await ask('import', { format: 'x', text })).error), /format: expected one of telegraf, /);
    assert.match(String((await ask('import', { format: 'telegraf' })).error), /text: expected a text/);
    const table = await ask('from-csv', { text: 'metric,address,type\na,40001,int16\nb,1,int16\n', base: '4xxxx' });
    assert.equal((table['rows'] as unknown[]).length, 1);
    assert.equal((table['problems'] as { line: number }[])[0]?.line, 3);
    const map = JSON.stringify({ base: '4xxxx', registers: table['rows'] });
    const twice = JSON.stringify({ base: '4xxxx', registers: [table['rows'], table['rows']].flat() });
    assert.deepEqual(await ask('rows', { map: twice }), [
      { table: 'holding', address: 0, reference: '40001', span: 1 },
      { fault: 'metric: expected a name of its own, got "a"' },
    ]);
    assert.deepEqual(await ask('to-csv', { map }), {
      text: '# base 4xxxx\nmetric,address,type,order\na,40001,int16,ABCD\n',
    });
  });

  const idle: [what: string, poll: object, bus: object, fill: string, text: RegExp][] = [
    ['no bus', { bus: '' }, {}, 'grey', /^no bus chosen$/],
    ['no address', {}, { host: '' }, 'grey', /^no address set$/],
    ['no device id', { deviceId: ' ' }, {}, 'red', /Device id: expected a value, got nothing/],
    [
      'an unknown map',
      { map: 'nivus' },
      {},
      'red',
      /register map: expected JSON or one of .*nivus-float32, .*, got "nivus"/,
    ],
    [
      'a wrong map',
      { map: inlineMap.replace('"uint16"', '"word"') },
      {},
      'red',
      /register map, register 1 \(flow_rate\), type: expected one of int16/,
    ],
    [
      'wrong parameters',
      { parameters: 'flow_span=10' },
      {},
      'red',
      /Parameters: expected a JSON object of numbers, got "flow_span=10"/,
    ],
    [
      'an unknown parameter',
      { map: 'nivusonic-input', parameters: '{"span":1}' },
      {},
      'red',
      /parameters: expected one of flow_span/,
    ],
  ];
  for (const [what, poll, bus, fill, text] of idle)
    it(`says so: ${what}`, async () => {
      await runtime.deploy(flow(poll, bus));
      const status = await runtime.untilStatus('p', text);
      assert.equal(status.fill, fill);
    });

  it('tells once what a unit refuses, with advice, and once that it is well again', async () => {
    simulator.misbehave = ({ address, count }) => (address + count > 1 ? { kind: 'exception', code: 2 } : undefined);
    await runtime.deploy(flow());
    const status = await runtime.untilStatus('p', /exception/);
    assert.match(
      status.text ?? '',
      /^1 of 2 values, .*; status: exception 02 illegal data address; check address and base/,
    );
    assert.equal(status.fill, 'yellow');
    await runtime.until('k', 10);
    assert.equal(runtime.received('e').length, 1);
    const [event] = runtime.received('e');
    assert.equal(event?.topic, `modbus/127.0.0.1:${simulator.port}/1/status`);
    assert.deepEqual((event?.payload as Record<string, unknown> | undefined)?.['quality'], {
      status: 'exception 02 illegal data address',
    });
  });

  it('shows a silent unit in red, and comes back by itself', async () => {
    simulator.misbehave = () => ({ kind: 'silence' });
    await runtime.deploy(flow({}, { timeoutMs: 100, probeSeconds: 0.1 }));
    const status = await runtime.untilStatus('p', /no answer/);
    assert.equal(status.fill, 'red');
    assert.match(status.text ?? '', /unit 1.*; .*; no value yet$/);
    simulator.misbehave = () => undefined;
    await runtime.until('k', 3);
    await runtime.until('e', 2);
    assert.deepEqual(
      runtime.received('e').map(({ payload }) => (payload as { state: string }).state),
      ['failing', 'ok'],
    );
  });

  it('keeps readings through an outage of the sink, with the time of their poll', async () => {
    let away = true;
    const refused: string[] = [];
    runtime.onSink('k', (message, _send, done) => {
      if (away) refused.push((message.payload as Reading).timestamp);
      done(away ? new Fault('FIELDLINE_DATABASE', 'the database is away', { kind: 'outage' }) : undefined);
    });
    await runtime.deploy(flow());
    const status = await runtime.untilStatus('p', /readings wait/);
    assert.match(status.text ?? '', /readings wait \(.*the database is away\)/);
    assert.equal(status.fill, 'yellow');
    const stored: string[] = [];
    away = false;
    runtime.onSink('k', (message, _send, done) => {
      stored.push((message.payload as Reading).timestamp);
      done();
    });
    await runtime.until('k', runtime.received('k').length + 20);
    assert.equal(stored[0], refused[0], 'the oldest comes first, as it was measured');
    assert.equal(new Set(stored).size, stored.length, 'each once');
    assert.deepEqual(stored, stored.toSorted());
  });

  it('leaves no connection behind when it is deployed away, and none too many when it is deployed again', async () => {
    await runtime.deploy(flow());
    await runtime.until('k', 1);
    for (let n = 0; n < 3; n++) {
      await runtime.deploy(flow({ unitId: 1 }));
      // What the old flow sent on its last way is no sign of the new one.
      await runtime.until('k', runtime.received('k').length + 1);
      assert.equal(simulator.connections, 1);
    }
    await runtime.deploy([]);
    await until(() => simulator.connections === 0);
  });
});
