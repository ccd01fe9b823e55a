// For each way a message can go through a flow of real Node-RED: its source is told that it is settled, after the last commit.
import assert from 'node:assert/strict';
import type { Message } from '../../src/palette/define.ts';
import { openTickets } from '../../src/palette/tracker.ts';
import type { FlowNode } from '../support/node-red.ts';
import { delay, func, join, onSlowSinks, sink, source, split } from './flow-nodes.ts';

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

describe('palette: ways through a flow', () => {
  const on = onSlowSinks();

  for (const { name, flow, payload = 1, n = 1, commits: expectedCommits } of settledAfterCommit)
    it(`settles after the last commit: ${name}`, async () => {
      await on.red.deploy(flow);
      const settledAt: number[] = [];
      const all = Array.from({ length: n }, () =>
        on.red.emit('s', { payload: structuredClone(payload), topic: 'a' }).then(settled => {
          settledAt.push(performance.now());
          return settled;
        }),
      );
      assert.deepEqual(await Promise.all(all), Array(n).fill({ ok: true }));
      assert.equal(on.commits.length, expectedCommits);
      for (const at of settledAt) assert.ok(at >= Math.max(0, ...on.commits), 'settled before the commit');
      assert.equal(openTickets(), 0);
    });

  it('settles what leaves by some ports of many', async () => {
    await on.red.deploy([source('k'), sink()]);
    const output = [[null, { payload: 1 }], null] as unknown as Message;
    assert.deepEqual(await on.red.emit('s', output), { ok: true });
    assert.equal(on.commits.length, 1);
  });

  it('lets a message of a stock node through, which has no ticket', async () => {
    await on.red.deploy([func('return msg;'), sink()]);
    on.red.onSink('k', (_message, _send, done) => done());
    on.red.inject('f', { payload: 1 });
    assert.deepEqual((await on.red.until('k', 1))[0]?.payload, 1);
    assert.equal(openTickets(), 0);
  });
});
