// dedup in real Node-RED: singles and batches, keys, and a sink that fails once behind it.
import assert from 'node:assert/strict';
import { Fault } from '../../src/kernel/fault.ts';
import type { Message } from '../../src/palette/define.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import dedupNode from './dedup.ts';

const reading = (deviceId: string, digest: string): Reading => ({
  deviceId,
  protocol: 'mqtt',
  timestamp: '2026-01-01T00:00:00.000Z',
  telemetry: { power_kw: 1 },
  metadata: { digest },
});
const [a, b, c] = [reading('m', 'a'), reading('m', 'b'), reading('n', 'c')];
const flow = (settings: object = {}) => [
  { id: 's', type: 'test-source', wires: [['dd']] },
  { id: 'dd', type: 'fieldline-dedup', wires: [['k'], ['drop']], ...settings },
  { id: 'k', type: 'test-sink' },
  { id: 'drop', type: 'test-sink' },
];

describe('dedup node', () => {
  let runtime: TestRuntime;
  before(async () => {
    runtime = await testRuntime();
    runtime.register(dedupNode);
  });
  afterEach(() => {
    runtime.onSink('k', (_message, _send, done) => done());
  });

  const payloads = (id: string): unknown[] => runtime.received(id).map(({ payload }) => payload);

  type Case = { name: string; settings?: object; sent: Message[]; passed: unknown[]; dropped: unknown[] };
  const cases: Case[] = [
    { name: 'a copy alone', sent: [{ payload: a }, { payload: b }, { payload: a }], passed: [a, b], dropped: [a] },
    {
      name: 'members of a batch',
      sent: [{ payload: [a, b, a] }, { payload: [b, c] }],
      passed: [[a, b], [c]],
      dropped: [[a], [b]],
    },
    {
      name: 'a batch of copies only',
      sent: [{ payload: [a, b] }, { payload: [a, b] }],
      passed: [[a, b]],
      dropped: [[a, b]],
    },
    {
      name: 'by device',
      settings: { by: 'device' },
      sent: [{ payload: a }, { payload: b }, { payload: c }],
      passed: [a, c],
      dropped: [b],
    },
    {
      name: 'by a property of the message',
      settings: { by: 'key', key: 'topic', keyType: 'msg' },
      sent: [
        { topic: 't', payload: 1 },
        { topic: 'u', payload: 1 },
        { topic: 't', payload: 2 },
      ],
      passed: [1, 1],
      dropped: [2],
    },
    {
      name: 'by a property of each member',
      settings: { by: 'key', key: 'payload.telemetry.power_kw', keyType: 'msg' },
      sent: [{ payload: [a, c] }],
      passed: [[a]],
      dropped: [[c]],
    },
    {
      name: 'messages without the key',
      settings: { by: 'key', key: 'nowhere' },
      sent: [{ payload: 1 }, { payload: 2 }],
      passed: [1, 2],
      dropped: [],
    },
  ];
  for (const { name, settings, sent, passed, dropped } of cases)
    it(`drops ${name}`, async () => {
      await runtime.deploy(flow(settings));
      for (const message of sent) assert.deepEqual(await runtime.emit('s', message), { ok: true });
      assert.deepEqual(payloads('k'), passed);
      assert.deepEqual(payloads('drop'), dropped);
    });

  it('stores the row once when the sink fails once', async () => {
    await runtime.deploy(flow());
    const stored: unknown[] = [];
    let outage = true;
    runtime.onSink('k', (message, _send, done) => {
      if (outage) {
        outage = false;
        return done(new Fault('FIELDLINE_DATABASE', 'away', { kind: 'outage' }));
      }
      stored.push(message.payload);
      done();
    });
    const first = runtime.emit('s', { payload: a });
    const copy = runtime.emit('s', { payload: a });
    for (const settled of [await first, await copy]) assert.equal(settled.ok, false);
    assert.deepEqual(await Promise.all([runtime.emit('s', { payload: a }), runtime.emit('s', { payload: a })]), [
      { ok: true },
      { ok: true },
    ]);
    assert.deepEqual(stored, [a]);
  });

  it('does not acknowledge a copy before the first is stored', async () => {
    await runtime.deploy(flow());
    let commit: () => void = () => {};
    runtime.onSink('k', (_message, _send, done) => {
      commit = done;
    });
    const order: string[] = [];
    const first = runtime.emit('s', { payload: a });
    const copy = runtime.emit('s', { payload: a }).then(() => order.push('copy'));
    await runtime.until('drop', 1);
    await new Promise(resolve => setTimeout(resolve, 20));
    order.push('commit');
    commit();
    await Promise.all([first, copy]);
    assert.deepEqual(order, ['commit', 'copy']);
  });

  it('says what it did', async () => {
    await runtime.deploy(flow());
    await runtime.emit('s', { payload: [a, a, b] });
    assert.equal((await runtime.untilStatus('dd', /2 passed/)).text, '2 passed, 1 dropped');
  });
});
