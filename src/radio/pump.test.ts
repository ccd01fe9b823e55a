// The pump between radio and flow: order, groups, bounds, retries, and nothing after the end.
import assert from 'node:assert/strict';
import type { Settled } from '../kernel/ticket.ts';
import { type Pump, pumpOf } from './pump.ts';

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
const OUTAGE: Settled = { ok: false, kind: 'outage', reason: 'database is away' };
const DATA: Settled = { ok: false, kind: 'data', reason: 'refused' };

/** A pump whose emits and timers the test settles by hand. */
function setUp(options: { size?: number; window?: number; limit?: number }): {
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
});
