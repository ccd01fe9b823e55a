// The tracker in real Node-RED: for each way a message can go through a flow, when is its source told that it is settled?
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { Fault } from '../../src/kernel/fault.ts';
import type { Settled } from '../../src/kernel/ticket.ts';
import type { Message } from '../../src/palette/define.ts';
import type { Red } from '../../src/palette/red.ts';
import { openTickets, wasInterrupted } from '../../src/palette/tracker.ts';
import { type FlowNode, type TestRuntime, testRuntime } from '../support/node-red.ts';

const source = (...wires: string[]): FlowNode => ({ id: 's', type: 'test-source', wires: [wires] });
const sink = (id = 'k'): FlowNode => ({ id, type: 'test-sink', wires: [[]] });
const func = (code: string, wires: string[][] = [['k']]): FlowNode => ({
  id: 'f',
  type: 'function',
  func: code,
  outputs: wires.length,
  wires,
});
const split: FlowNode = {
  id: 'sp',
  type: 'split',
  splt: '\\n',
  spltType: 'str',
  arraySplt: 1,
  arraySpltType: 'len',
  wires: [['k']],
};
const delay: FlowNode = {
  id: 'd',
  type: 'delay',
  pauseType: 'delay',
  timeout: '40',
  timeoutUnits: 'milliseconds',
  rate: '1',
  nbRateUnits: '1',
  rateUnits: 'second',
  randomFirst: '1',
  randomLast: '5',
  randomUnits: 'seconds',
  outputs: 1,
  wires: [['k']],
};
const join = (count: string): FlowNode => ({
  id: 'j',
  type: 'join',
  mode: 'custom',
  build: 'array',
  property: 'payload',
  propertyType: 'msg',
  count,
  joiner: '\\n',
  joinerType: 'str',
  wires: [['k']],
});

/** n messages are emitted; the sink commits `commits` times; every ticket must settle after the last commit. */
type Case = { name: string; flow: FlowNode[]; payload?: unknown; n?: number; commits: number };
const settledAfterCommit: Case[] = [
  { name: 'direct wire', flow: [source('k'), sink()], commits: 1 },
  { name: 'fan-out to two sinks', flow: [source('k', 'k2'), sink(), sink('k2')], commits: 2 },
  {
    name: 'link out to link in',
    flow: [
      source('lo'),
      { id: 'lo', type: 'link out', mode: 'link', links: ['li'], wires: [] },
      { id: 'li', type: 'link in', links: ['lo'], wires: [['k']] },
      sink(),
    ],
    commits: 1,
  },
  {
    name: 'link call and return',
    flow: [
      source('lc'),
      { id: 'lc', type: 'link call', links: ['li'], linkType: 'static', timeout: '5', wires: [['k']] },
      { id: 'li', type: 'link in', links: [], wires: [['lo']] },
      { id: 'lo', type: 'link out', mode: 'return', links: [], wires: [] },
      sink(),
    ],
    commits: 1,
  },
  {
    name: 'switch that matches nothing drops at once',
    flow: [
      source('w'),
      {
        id: 'w',
        type: 'switch',
        property: 'payload',
        propertyType: 'msg',
        rules: [{ t: 'eq', v: 'zzz', vt: 'str' }],
        outputs: 1,
        wires: [['k']],
      },
      sink(),
    ],
    commits: 0,
  },
  {
    name: 'change node',
    flow: [
      source('c'),
      { id: 'c', type: 'change', rules: [{ t: 'set', p: 'x', pt: 'msg', to: '1', tot: 'num' }], wires: [['k']] },
      sink(),
    ],
    commits: 1,
  },
  { name: 'delay node', flow: [source('d'), delay, sink()], commits: 1 },
  { name: 'function returns the message', flow: [source('f'), func('return msg'), sink()], commits: 1 },
  {
    name: 'function returns a new object',
    flow: [source('f'), func('return { payload: msg.payload }'), sink()],
    commits: 1,
  },
  {
    name: 'function awaits, then sends and finishes',
    flow: [
      source('f'),
      func('await new Promise(r => setTimeout(r, 30)); node.send({ payload: 1 }); node.done();'),
      sink(),
    ],
    commits: 1,
  },
  {
    name: 'function sends from a timer and finishes there',
    flow: [source('f'), func('setTimeout(() => { node.send({ payload: 1 }); node.done(); }, 30); return;'), sink()],
    commits: 1,
  },
  {
    name: 'new object, then a delay',
    flow: [source('f'), func('return { payload: 1 }', [['d']]), delay, sink()],
    commits: 1,
  },
  { name: 'split into three', flow: [source('sp'), split, sink()], payload: [1, 2, 3], commits: 3 },
  {
    name: 'split and join again',
    flow: [source('sp'), { ...split, wires: [['j']] }, { id: 'j', type: 'join', mode: 'auto', wires: [['k']] }, sink()],
    payload: [1, 2, 3],
    commits: 1,
  },
  { name: 'join of two messages', flow: [source('j'), join('2'), sink()], n: 2, commits: 1 },
  {
    name: 'batch of two messages',
    flow: [
      source('j'),
      {
        id: 'j',
        type: 'batch',
        mode: 'count',
        count: 2,
        overlap: 0,
        interval: 10,
        allowEmptySequence: false,
        topics: [],
        wires: [['k']],
      },
      sink(),
    ],
    n: 2,
    commits: 2,
  },
  {
    name: 'old-style node without done',
    flow: [source('old'), { id: 'old', type: 'test-old-style', wires: [['k']] }, sink()],
    commits: 1,
  },
  {
    name: 'subflow',
    flow: [
      {
        id: 'sub',
        type: 'subflow',
        name: 'sub',
        in: [{ x: 0, y: 0, wires: [{ id: 'inner' }] }],
        out: [{ x: 0, y: 0, wires: [{ id: 'inner', port: 0 }] }],
        z: undefined,
      },
      {
        id: 'inner',
        type: 'change',
        z: 'sub',
        rules: [{ t: 'set', p: 'x', pt: 'msg', to: '1', tot: 'num' }],
        wires: [[]],
      },
      source('i'),
      { id: 'i', type: 'subflow:sub', wires: [['k']] },
      sink(),
    ],
    commits: 1,
  },
];

describe('palette: delivery tracker in Node-RED', () => {
  let red: TestRuntime;
  let commits: number[] = [];

  before(async () => {
    red = await testRuntime();
    red.register(oldStyle);
  });
  beforeEach(() => {
    commits = [];
    for (const id of ['k', 'k2'])
      red.onSink(id, (_message, _send, done) => {
        setTimeout(
          () => {
            commits.push(performance.now());
            done();
          },
          id === 'k' ? 30 : 60,
        );
      });
  });
  after(() => {
    // The runtime is shared: other suites have sinks of these names, which finish at once.
    for (const id of ['k', 'k2']) red.onSink(id, (_message, _send, done) => done());
    return red.deploy([]);
  });

  for (const { name, flow, payload = 1, n = 1, commits: expectedCommits } of settledAfterCommit)
    it(`settles after the last commit: ${name}`, async () => {
      await red.deploy(flow);
      const settledAt: number[] = [];
      const all = Array.from({ length: n }, () =>
        red.emit('s', { payload: structuredClone(payload), topic: 'a' }).then(settled => {
          settledAt.push(performance.now());
          return settled;
        }),
      );
      assert.deepEqual(await Promise.all(all), Array(n).fill({ ok: true }));
      assert.equal(commits.length, expectedCommits);
      for (const at of settledAt) assert.ok(at >= Math.max(0, ...commits), 'settled before the commit');
      assert.equal(openTickets(), 0);
    });

  it('settles what leaves by some ports of many', async () => {
    await red.deploy([source('k'), sink()]);
    const output = [[null, { payload: 1 }], null] as unknown as Message;
    assert.deepEqual(await red.emit('s', output), { ok: true });
    assert.equal(commits.length, 1);
  });

  it('lets a message of a stock node through, which has no ticket', async () => {
    await red.deploy([func('return msg;'), sink()]);
    red.onSink('k', (_message, _send, done) => done());
    red.inject('f', { payload: 1 });
    assert.deepEqual((await red.until('k', 1))[0]?.payload, 1);
    assert.equal(openTickets(), 0);
  });

  it('tells of a failure, with its kind and reason', async () => {
    await red.deploy([source('k'), sink()]);
    for (const kind of ['data', 'outage'] as const) {
      red.onSink('k', (_message, _send, done) =>
        setImmediate(() => done(new Fault('FIELDLINE_ROW', 'the disk is away', { kind }))),
      );
      assert.deepEqual(await red.emit('s', { payload: 1 }), { ok: false, kind, reason: 'the disk is away' });
    }
  });

  it('one failed branch fails the message even when the other commits later', async () => {
    await red.deploy([source('k', 'k2'), sink(), sink('k2')]);
    red.onSink('k', (_message, _send, done) => done(new Fault('FIELDLINE_ROW', 'refused')));
    const settled = await red.emit('s', { payload: 1 });
    assert.deepEqual(settled, { ok: false, kind: 'data', reason: 'refused' });
    assert.equal(commits.length, 1);
  });

  it('a catch node does not settle the message before its own branch is done', async () => {
    await red.deploy([source('k'), sink(), { id: 'c', type: 'catch', scope: ['k'], wires: [['k2']] }, sink('k2')]);
    red.onSink('k', (_message, _send, done) => done(new Fault('FIELDLINE_ROW', 'refused')));
    const settled = await red.emit('s', { payload: 1 });
    assert.equal(settled.ok, false);
    assert.equal(commits.length, 1, 'the branch of the catch node was still open');
  });

  it('a Fieldline node that commits several messages at once does not tie them together', async () => {
    await red.deploy([source('k'), sink()]);
    const waiting: ((error?: unknown) => void)[] = [];
    red.onSink('k', (_message, _send, done) => {
      if (waiting.push(done) === 2) {
        waiting[0]?.();
        waiting[1]?.(new Fault('FIELDLINE_ROW', 'second refused'));
      }
    });
    const settled = await Promise.all([red.emit('s', { payload: 1 }), red.emit('s', { payload: 2 })]);
    assert.deepEqual(settled, [{ ok: true }, { ok: false, kind: 'data', reason: 'second refused' }]);
  });

  it('a foreign node that throws is timed out as unfinished', async () => {
    await red.deploy([source('t'), { id: 't', type: 'test-throws', wires: [] }]);
    const settled = await red.emit('s', { payload: 1 });
    assert.equal(settled.ok, false);
    assert.equal((settled as Extract<Settled, { ok: false }>).kind, 'unfinished');
  });

  it('the time limit rests while a Fieldline node holds the message', async () => {
    await red.deploy([source('k'), sink()]);
    red.onSink('k', (_message, _send, done) => setTimeout(done, 3600));
    assert.deepEqual(await red.emit('s', { payload: 1 }), { ok: true });
  });

  for (const type of ['full', 'flows', 'nodes'] as const)
    it(`a ${type} deploy while a foreign node has the message fails it as an outage, it is not acknowledged`, async () => {
      const flow = [source('d'), { ...delay, timeout: '30000' }, sink()];
      await red.deploy(flow);
      const pending = [1, 2, 3].map(payload => red.emit('s', { payload }));
      await red.deploy([source('d'), { ...delay, timeout: '30001' }, sink()], type);
      for (const settled of await Promise.all(pending))
        assert.equal(settled.ok ? 'stored' : settled.kind, 'outage', JSON.stringify(settled));
      assert.equal(wasInterrupted(), true);
      await red.deploy(flow);
      assert.equal(wasInterrupted(), false);
    });

  it('a message that is sent in the middle of a deploy, to a node that is gone for the moment, is not acknowledged', async () => {
    await red.deploy([source('k'), sink()]);
    const { events } = createRequire(import.meta.url)('node-red');
    let meanwhile: Promise<Settled> | undefined;
    events.once('flows:stopped', () => {
      meanwhile = red.emit('s', { payload: 1 });
    });
    await red.deploy([source('k'), { ...sink(), name: 'changed' }], 'nodes');
    const settled = await meanwhile;
    assert.equal(settled?.ok, false, 'its wire led nowhere');
    assert.deepEqual(await red.emit('s', { payload: 2 }), { ok: true });
  });

  it('a deploy while a Fieldline node holds the message lets the source send again', async () => {
    await red.deploy([source('k'), sink()]);
    red.onSink('k', () => {});
    const pending = red.emit('s', { payload: 1 });
    await red.until('k', 1);
    await red.deploy([source('k'), sink()]);
    const settled = await pending;
    assert.equal(settled.ok, false);
    assert.equal((settled as Extract<Settled, { ok: false }>).kind, 'outage');
  });
});

/** Nodes of other palettes: one of the old style (no done), one that throws. */
function oldStyle(RED: Red): void {
  RED.nodes.registerType('test-old-style', function (config) {
    RED.nodes.createNode(this, config);
    const node = this as unknown as {
      on(event: string, listener: (message: unknown) => void): void;
      send(message: unknown): void;
    };
    node.on('input', message => node.send(message));
  });
  RED.nodes.registerType('test-throws', function (config) {
    RED.nodes.createNode(this, config);
    this.on('input', (_message, _send, _done) => {
      throw new Error('broken');
    });
  });
}
