// normalize in real Node-RED: what it takes, what it sends, what it rejects; everything settles.
import assert from 'node:assert/strict';
import type { Message } from '../../src/palette/define.ts';
import type { Raw } from '../../src/reading/raw.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import normalizeNode from './normalize.ts';

const topic = 'homelab/energy/m';
const raw = (text: string): Raw => ({
  topic,
  bytes: Buffer.from(text),
  receivedAt: Date.now(),
  source: 'x',
  protocol: 'mqtt',
});
const flow = (settings: object = {}) => [
  { id: 's', type: 'test-source', wires: [['n']] },
  { id: 'n', type: 'fieldline-normalize', wires: [['k'], ['bad']], ...settings },
  { id: 'k', type: 'test-sink' },
  { id: 'bad', type: 'test-sink' },
];
const power = (payload: unknown): unknown =>
  Array.isArray(payload) ? payload.map(power) : (payload as Reading).telemetry['power_kw'];

describe('normalize node', () => {
  let runtime: TestRuntime;
  before(async () => {
    runtime = await testRuntime();
    runtime.register(normalizeNode);
  });

  const ring: Record<string, unknown> = {};
  ring['self'] = ring;
  const done: Reading = {
    deviceId: 'd',
    protocol: 'modbus',
    timestamp: '2026-01-01T00:00:00.000Z',
    telemetry: { power_kw: 9 },
    metadata: { digest: 'x' },
  };
  /** `good`: power_kw of what comes out; `reasons`: how many. */
  type Case = { name: string; message: Message; good: unknown[]; reasons?: number };
  const cases: Case[] = [
    { name: 'a raw message', message: { payload: raw('{"power_kw":1}') }, good: [1] },
    { name: 'a batch stays a batch', message: { payload: [raw('{"power_kw":1}')] }, good: [[1]] },
    {
      name: 'a batch with a bad member',
      message: { payload: [raw('{"power_kw":1}'), raw('x'), raw('[{"power_kw":2}]')] },
      good: [[1, 2]],
      reasons: 1,
    },
    {
      name: 'one message with several readings',
      message: { payload: raw('[{"power_kw":1},{"power_kw":2}]') },
      good: [1, 2],
    },
    { name: 'a buffer', message: { topic, payload: Buffer.from('{"power_kw":1}') }, good: [1] },
    { name: 'a text', message: { topic, payload: '{"power_kw":1}' }, good: [1] },
    { name: 'parsed JSON', message: { topic, payload: { power_kw: 1 } }, good: [1] },
    { name: 'a parsed array', message: { topic, payload: [{ power_kw: 1 }, { power_kw: 2 }] }, good: [1, 2] },
    { name: 'a reading that is done', message: { payload: done }, good: [9] },
    { name: 'nothing', message: { topic }, good: [], reasons: 1 },
    { name: 'a ring', message: { topic, payload: ring }, good: [], reasons: 1 },
    { name: 'no topic', message: { payload: '{"power_kw":1}' }, good: [], reasons: 1 },
    { name: 'an empty batch', message: { payload: [] }, good: [] },
  ];
  for (const { name, message, good, reasons = 0 } of cases)
    it(`takes ${name}`, async () => {
      await runtime.deploy(flow());
      assert.deepEqual(await runtime.emit('s', message), { ok: true });
      assert.deepEqual(
        runtime.received('k').map(({ payload }) => power(payload)),
        good,
      );
      assert.equal(runtime.received('bad').flatMap(one => one['reasons'] as string[]).length, reasons);
    });

  it('sends what it rejects with the reason, and says so', async () => {
    await runtime.deploy(flow());
    const bad = raw('hello');
    await runtime.emit('s', { payload: bad });
    const [message] = runtime.received('bad');
    assert.equal(message?.payload, bad);
    assert.equal(message?.['reason'], 'payload: expected JSON, got "hello"');
    const { fill, text } = await runtime.untilStatus('n', /rejected: /);
    assert.deepEqual([fill, text], ['yellow', '0 readings, 1 rejected: payload: expected JSON, got "hello"']);
  });

  it('uses the tables of its settings', async () => {
    const table = [{ filter: 'tele/+/SENSOR', format: 'energy', device: '2' }];
    const map = [{ from: 'ENERGY.Power', metric: 'power_kw', unit: 'W', scale: 1 }];
    await runtime.deploy(flow({ table, map }));
    await runtime.emit('s', { topic: 'tele/plug/SENSOR', payload: { Time: 'x', ENERGY: { Power: 250 } } });
    const { deviceId, telemetry } = (runtime.received('k')[0] as Message).payload as Reading;
    assert.deepEqual([deviceId, telemetry], ['plug', { power_kw: 0.25 }]);
  });

  it('names a wrong row and keeps the message', async () => {
    await runtime.deploy(flow({ table: [{ filter: 'a/#/b', format: 'fields', device: 'last' }] }));
    const settled = await runtime.emit('s', { topic, payload: '{}' });
    assert.equal(settled.ok === false && settled.kind, 'outage');
    assert.match((await runtime.untilStatus('n', /row 1/)).text ?? '', /topic table, row 1: expected a topic filter/);
  });

  const expression = 'payload.{ "device_id": id, "temperature": t / 10 }';
  const own = { table: [{ filter: 'own/#', format: 'expression', device: 'device_id' }], expression };

  it('uses JSONata for the topics that ask for it, in order', async () => {
    await runtime.deploy(flow(own));
    const messages = [1, 2, 3].map(n => ({ topic: 'own/x', payload: [{ id: `d${n}`, t: 210 + n }] }));
    await Promise.all(messages.map(message => runtime.emit('s', message)));
    assert.deepEqual(
      runtime.received('k').map(({ payload }) => [(payload as Reading).deviceId, (payload as Reading).telemetry]),
      [
        ['d1', { temperature: 21.1 }],
        ['d2', { temperature: 21.2 }],
        ['d3', { temperature: 21.3 }],
      ],
    );
    await runtime.emit('s', { topic: 'own/x', payload: 'no json' });
    assert.match(String(runtime.received('bad')[0]?.['reason']), /device: expected a name/);
  });

  for (const [name, endless] of [
    ['goes on for ever', '($f := function($n) { $f($n + 1) }; $f(0))'],
    ['goes ever deeper', '($f := function($n) { 1 + $f($n + 1) }; $f(0))'],
    ['counts to a milliard', '$sum([1..9000000].($ * $))'],
  ] as const)
    it(`stops an expression that ${name}, and goes on with other messages`, async () => {
      await runtime.deploy(flow({ ...own, expression: `payload.id = "bad" ? ${endless} : ${expression}` }));
      const bad = runtime.emit('s', { topic: 'own/x', payload: '{"id":"bad"}' });
      const good = runtime.emit('s', { topic: 'own/x', payload: '{"id":"good","t":215}' });
      await Promise.all([bad, good]);
      assert.match(String(runtime.received('bad')[0]?.['reason']), /^expression: stopped after 500 ms or at a depth/);
      const [{ payload }] = runtime.received('k') as [Message];
      assert.equal((payload as Reading).deviceId, 'good');
    });

  it('says where an expression is wrong', async () => {
    await runtime.deploy(flow({ ...own, expression: 'payload.{' }));
    const { fill } = await runtime.untilStatus('n', /Expression: expected JSONata/);
    assert.equal(fill, 'red');
  });

  const ask = async (path: string, body: unknown) => {
    const answer = await fetch(`${runtime.url}/fieldline/normalize/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return (await answer.json()) as { messages: unknown; readings: Reading[]; rejected: string[]; error?: string };
  };

  it('shows in its dialog what settings that are not deployed make of the last messages', async () => {
    await runtime.deploy(flow());
    await runtime.emit('s', { payload: raw('{"power_kw":1}') });
    await runtime.emit('s', { topic: 'own/x', payload: '[{"id":"d","t":215}]' });
    const { messages } = await ask('last', { node: 'n' });
    assert.deepEqual(messages, [
      { topic: 'own/x', text: '[{"id":"d","t":215}]' },
      { topic, text: '{"power_kw":1}' },
    ]);
    const ring: Record<string, unknown> = {};
    ring['self'] = ring;
    await runtime.deploy(flow());
    await runtime.emit('s', { topic: 'own/parsed', payload: [{ id: 'd', t: 215 }] });
    await runtime.emit('s', { topic: 'own/ring', payload: ring });
    assert.deepEqual((await ask('last', { node: 'n' })).messages, [
      { topic: 'own/parsed', text: '[{"id":"d","t":215}]' },
    ]);
    const shown = await ask('preview', { settings: own, topic: 'own/x', text: '[{"id":"d","t":215}]' });
    assert.deepEqual([shown.readings[0]?.telemetry, shown.rejected], [{ temperature: 21.5 }, []]);
    assert.match((await ask('preview', { settings: own, topic: 'other', text: '1' })).rejected[0] ?? '', /topic table/);
    const wrong = { table: [{ filter: 'a/#/b', format: 'fields', device: 'last' }] };
    assert.match((await ask('preview', { settings: wrong, topic: 'a', text: '1' })).error ?? '', /row 1/);
    assert.match((await ask('preview', {})).error ?? '', /settings, topic, text/);
  });
});
