// The pump between radio and flow: order, groups, bounds, retries, and nothing after the end.
import assert from 'node:assert/strict';
import type { Counter } from '../kernel/ledger.ts';
import type { Settled } from '../kernel/ticket.ts';
import { type Pump, pumpOf } from './pump.ts';

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
const OUTAGE: Settled = { ok: false, kind: 'outage', reason: 'database is away' };
const DATA: Settled = { ok: false, kind: 'data', reason: 'refused' };

/** A pump whose emits and timers the test settles by hand. */
function setUp(options: { id?: string; size?: number; window?: number; limit?: number; counter?: Counter<number> }): {
  pump: Pump<number>;
  sent: number[][];
  settle(settled?: Settled): Promise<void>;
  fire(): Promise<void>;
  drops: string[];
} {
  const sent: number[][] = [];
  const open: ((settled: Settled) => void)[] = [];
  const timers: (() => void)[] = [];
  const drops: string[] = [];
  const pump = pumpOf<number>({
    size: 1,
    window: 2,
    limit: 5,
    ...options,
    emit: items => {
      sent.push([...items]);
      return new Promise(resolve => open.push(resolve));
    },
    after: (_ms, then) => {
      timers.push(then);
      return () => void timers.splice(timers.indexOf(then), 1);
    },
    onDrop: (count, why, reason) => drops.push(`${count} ${why}: ${reason}`),
  });
  return {
    pump,
    sent,
    drops,
    async settle(settled = { ok: true }) {
      open.shift()?.(settled);
      await turn();
    },
    async fire() {
      timers.shift()?.();
      await turn();
    },
  };
}

describe('radio pump', () => {
  it('is busy with half a window, not in an outage or a deploy: then it has more to keep', async () => {
    const { pump, settle } = setUp({ window: 4 });
    pump.offer(1);
    assert.equal(pump.busy, false);
    pump.offer(2);
    assert.equal(pump.busy, true);
    pump.pause();
    assert.equal(pump.busy, false);
    pump.resume();
    await turn();
    await settle(OUTAGE);
    assert.equal(pump.busy, false);
    pump.close();
  });

  it('sends in order, at most a window at a time', async () => {
    const { pump, sent, settle } = setUp({});
    for (const item of [1, 2, 3]) pump.offer(item);
    await turn();
    assert.deepEqual(sent, [[1], [2]]);
    await settle();
    assert.deepEqual(sent, [[1], [2], [3]]);
    assert.equal(pump.held, 2);
  });

  it('sends what came together in one group', async () => {
    const { pump, sent, settle } = setUp({ size: 2, window: 1 });
    for (const item of [1, 2, 3]) pump.offer(item);
    await turn();
    assert.deepEqual(sent, [[1, 2]]);
    await settle();
    assert.deepEqual(sent, [[1, 2], [3]]);
  });

  it('drops what does not fit, and says why', async () => {
    const { pump, drops, settle } = setUp({ limit: 2 });
    for (const item of [1, 2, 3]) pump.offer(item);
    assert.deepEqual(drops, ['1 full: the flow is slower than the radio']);
    await turn();
    await settle(OUTAGE);
    pump.offer(4);
    assert.equal(drops[1], '1 full: database is away');
  });

  it('tries again for ever in an outage, one group at a time, then all', async () => {
    const { pump, sent, settle, fire, drops } = setUp({ window: 1 });
    for (const item of [1, 2, 3]) pump.offer(item);
    await turn();
    for (let tries = 0; tries < 10; tries++) {
      await settle(OUTAGE);
      await fire();
    }
    assert.deepEqual(sent, Array(11).fill([1]));
    assert.equal(pump.trouble, 'database is away');
    await settle();
    await settle();
    await settle();
    assert.deepEqual(sent.slice(11), [[2], [3]]);
    assert.deepEqual([pump.trouble, pump.held, drops], ['', 0, []]);
  });

  it('gives a group up that is refused three times', async () => {
    const { pump, sent, settle, fire, drops } = setUp({ window: 1 });
    pump.offer(1);
    pump.offer(2);
    await turn();
    await settle(DATA);
    await fire();
    await settle(DATA);
    await fire();
    await settle(DATA);
    assert.deepEqual(drops, ['1 refused: refused']);
    assert.deepEqual(sent, [[1], [1], [1], [2]]);
  });

  it('holds while paused and sends nothing after it closed', async () => {
    const { pump, sent, drops } = setUp({});
    pump.pause();
    pump.offer(1);
    await turn();
    assert.deepEqual(sent, []);
    pump.resume();
    assert.deepEqual(sent, [[1]]);
    pump.offer(2);
    pump.close();
    pump.offer(3);
    await turn();
    assert.deepEqual(sent, [[1]]);
    assert.deepEqual(drops, ['1 closed: the node was closed before the flow took them']);
  });

  describe('over a deploy', () => {
    it('leaves what waits, and what comes back, to its successor, in order and once', async () => {
      const before = setUp({ id: 'n1', window: 1 });
      for (const item of [1, 2, 3]) before.pump.offer(item);
      await turn();
      before.pump.pause();
      before.pump.close(true);
      const next = setUp({ id: 'n1', window: 5 });
      await turn();
      assert.deepEqual([before.sent, next.sent, next.pump.held], [[[1]], [[2], [3]], 2]);
      await before.settle(OUTAGE);
      await turn();
      assert.deepEqual(next.sent, [[2], [3], [1]]);
      for (let n = 0; n < 3; n++) await next.settle();
      assert.deepEqual([next.pump.held, before.drops, next.drops], [0, [], []]);
      next.pump.close();
    });

    it('drops what nobody takes over in time, and what another node would', async () => {
      const lost: number[] = [];
      const counter = { enter() {}, leave() {}, drop: (item: number) => lost.push(item) };
      const before = setUp({ id: 'n1', counter });
      before.pump.offer(1);
      before.pump.close(true);
      const other = setUp({ id: 'n2' });
      await before.fire();
      const late = setUp({ id: 'n1' });
      await turn();
      assert.deepEqual([other.sent, late.sent], [[], []]);
      assert.deepEqual(lost, [1]);
      for (const { pump } of [other, late]) pump.close();
    });
  });
});
