// Tests of the courier's batches: when one leaves, and how many are out at once.
import assert from 'node:assert/strict';
import type { Settled } from '../kernel/ticket.ts';
import { bench, ok } from './courier.fixture.ts';
import { LINGER_MS } from './courier.ts';

describe('courier: batches', () => {
  it('waits a moment for a batch, sends 48 at once while little is out, then 200, and what there is when the window is full', async () => {
    const it = bench('batches', () => ok);
    it.arrive('a');
    await it.pass(LINGER_MS - 1);
    assert.equal(it.emitted.length, 0);
    await it.pass(1);
    assert.deepEqual(it.emitted, ['a']);
    it.arrive(...'b'.repeat(450));
    await it.pass(0);
    assert.deepEqual(
      it.emitted.slice(1).map(topics => topics.length),
      [48, 48, 48, 200],
    );
    it.courier.windowFull();
    await it.pass(0);
    assert.deepEqual(
      it.emitted.slice(5).map(topics => topics.length),
      [106],
    );
    await it.pass(100);
    assert.equal(it.emitted.length, 6, 'the timer of the batch that left is gone');
  });

  it('paused, keeps what waits for a batch until it is resumed', async () => {
    const it = bench('batches', () => ok);
    it.arrive('a');
    it.courier.pause();
    await it.pass(100);
    assert.deepEqual(it.emitted, []);
    it.courier.resume();
    await it.pass(0);
    assert.deepEqual(it.emitted, ['a']);
  });

  it('while a batch is out, lets a small one wait for company, until it is back or 20 ms have passed', async () => {
    const waiting: ((settled: Settled) => void)[] = [];
    const it = bench('batches', () => new Promise<Settled>(resolve => waiting.push(resolve)));
    it.arrive('a');
    await it.pass(LINGER_MS);
    it.arrive('b');
    await it.pass(LINGER_MS + 2);
    assert.deepEqual(it.emitted, ['a'], 'b waits');
    it.arrive('c');
    waiting[0]?.(ok);
    await it.pass(0);
    assert.deepEqual(it.emitted, ['a', 'bc'], 'it is back');
    it.arrive('d');
    await it.pass(19);
    assert.equal(it.emitted.length, 2);
    await it.pass(1);
    assert.deepEqual(it.emitted.at(-1), 'd', 'has waited long enough');
  });

  it('keeps a bounded number of tickets open; what waits makes larger batches', async () => {
    let release: (settled: Settled) => void = () => {};
    const it = bench('batches', () => new Promise(resolve => (release = resolve)), { maxOpen: 1 });
    it.arrive('a');
    await it.pass(LINGER_MS);
    it.arrive('b');
    await it.pass(LINGER_MS);
    it.arrive('c');
    await it.pass(LINGER_MS);
    assert.deepEqual(it.emitted, ['a']);
    release(ok);
    await it.pass(0);
    assert.deepEqual(it.emitted, ['a', 'bc']);
    assert.equal(it.courier.open, 1);
  });
});
