// What a deleted node had learned: put aside for an undo, in real Node-RED, and bounded in age, number and bytes.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import anomalyNode from './anomaly.ts';
import { bringBack, clearAside, putAside } from './removed.ts';

const DAY = 86_400_000;

describe('anomaly, a deleted node', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'anomaly-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  describe('in a flow', () => {
    let runtime: TestRuntime;
    let usual: string | undefined;
    before(async () => {
      runtime = await testRuntime();
      runtime.register(anomalyNode);
      usual = runtime.settings.directory;
    });
    beforeEach(() => Object.assign(runtime.settings, { directory: folder }));
    after(async () => {
      Object.assign(runtime.settings, { directory: usual });
      await runtime.deploy([]);
    });

    const others = [
      { id: 's', type: 'test-source', wires: [['removed-a']] },
      { id: 'k', type: 'test-sink' },
    ];
    const node = (more: object = {}) => ({ id: 'removed-a', type: 'fieldline-anomaly', wires: [['k']], ...more });
    const send = (from: number, to: number) =>
      runtime.emit('s', {
        payload: Array.from({ length: to - from }, (_, n) => ({
          deviceId: 'm',
          protocol: 'mqtt',
          timestamp: new Date(Date.UTC(2026, 0, 5) + (from + n) * 60_000).toISOString(),
          telemetry: { v: Math.sin((from + n) * 12.9898) },
          metadata: {},
        })),
      });
    const kindOfLast = () => {
      const batch = runtime.received('k').at(-1)?.payload as { metadata: { anomaly?: { kind: string } } }[];
      return batch.at(-1)?.metadata.anomaly?.kind;
    };
    const there = () => existsSync(path.join(folder, 'anomaly', 'removed-a.state'));

    it('leaves its place, and comes back with what it had learned', async () => {
      await runtime.deploy([...others, node()]);
      await send(0, 100);
      await runtime.deploy(others, 'nodes');
      assert.deepEqual(readdirSync(path.join(folder, 'anomaly')), ['removed']);
      await runtime.deploy([...others, node()], 'nodes');
      await send(100, 101);
      assert.equal(kindOfLast(), 'normal', 'it needs not learn again');
      assert.deepEqual(readdirSync(path.join(folder, 'anomaly', 'removed')), []);
    });

    for (const [what, deploy] of [
      ['deployed again', () => runtime.deploy([...others, node()])],
      ['changed', () => runtime.deploy([...others, node({ sensitivity: 'low' })], 'nodes')],
      ['disabled', () => runtime.deploy([...others, node({ d: true })], 'nodes')],
    ] as const)
      it(`stays where it is when the node is only ${what}`, async () => {
        await runtime.deploy([...others, node()]);
        await send(0, 100);
        await deploy();
        assert.ok(there());
        assert.ok(!existsSync(path.join(folder, 'anomaly', 'removed')));
      });
  });

  const state = (id: string) => path.join(folder, 'anomaly', `${id}.state`);
  const aside = () => readdirSync(path.join(folder, 'anomaly', 'removed')).sort();
  const put = async (id: string, daysAgo: number, bytes = 10) => {
    mkdirSync(path.dirname(state(id)), { recursive: true });
    writeFileSync(state(id), 'x'.repeat(bytes));
    await putAside(state(id));
    const at = new Date(Date.now() - daysAgo * DAY);
    utimesSync(path.join(folder, 'anomaly', 'removed', `${id}.state`), at, at);
  };

  for (const [what, limits, left] of [
    ['those of more than a month', {}, ['a.state', 'b.state', 'c.state']],
    ['the oldest of too many', { nodes: 2 }, ['a.state', 'b.state']],
    ['the oldest of too many bytes', { bytes: 35 }, ['a.state', 'b.state']],
    ['one that is too large by itself', { bytes: 5 }, []],
  ] as const)
    it(`throws away ${what}`, async () => {
      for (const [id, days, bytes] of [
        ...([
          ['d', 31, 10],
          ['c', 29, 10],
          ['b', 2, 20],
          ['a', 1, 10],
        ] as const),
      ])
        await put(id, days, bytes);
      await clearAside(state('any'), { ms: 30 * DAY, nodes: 50, bytes: 1e9, ...limits });
      assert.deepEqual(aside(), left);
    });

  it('does not take the place of what was begun anew', async () => {
    await put('a', 1);
    writeFileSync(state('a'), 'new');
    assert.equal(await bringBack(state('a')), false);
    assert.equal(readFileSync(state('a'), 'utf8'), 'new');
    await putAside(state('a'));
    assert.equal(await bringBack(state('a')), true);
    assert.equal(readFileSync(state('a'), 'utf8'), 'new', 'the last one counts');
  });

  it('has nothing to say where there is nothing', async () => {
    await putAside(state('a'));
    await clearAside(state('a'));
    assert.equal(await bringBack(state('a')), false);
  });
});
