// The batcher over a scripted write and a clock that the test moves: what leaves when, in what order, and what comes back.
import assert from 'node:assert/strict';
import { fakeClock } from '../kernel/clock.ts';
import type { Outcome } from '../reading/contracts.ts';
import { batcher, type BatcherOptions } from './batcher.ts';

/** Lets everything that is not waiting for time run. */
const settled = () => new Promise<void>(resolve => setImmediate(resolve));

function bench(options: BatcherOptions<number> = {}) {
  const clock = fakeClock();
  const timers = new Set<{ due: number; run: () => void }>();
  const writes: {
    rows: readonly number[];
    answer(outcomes?: Outcome[]): Promise<void>;
    fail(error: unknown): Promise<void>;
  }[] = [];
  const write = (rows: readonly number[]) =>
    new Promise<readonly Outcome[]>((resolve, reject) => {
      writes.push({
        rows,
        answer(outcomes = rows.map((): Outcome => 'stored')) {
          resolve(outcomes);
          return settled();
        },
        fail(error) {
          reject(error);
          return settled();
        },
      });
    });
  const batches = batcher(write, {
    ...options,
    clock,
    after(ms, run) {
      const timer = { due: clock.steady() + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  });
  return {
    batches,
    writes,
    get timers() {
      return timers.size;
    },
    /** Moves the clock and lets what is due happen. */
    async pass(ms: number) {
      clock.advance(ms);
      for (const timer of [...timers].filter(({ due }) => due <= clock.steady()).sort((a, b) => a.due - b.due)) {
        timers.delete(timer);
        timer.run();
      }
      await settled();
    },
  };
}

describe('batcher', () => {
  it('lets the first rows after a rest leave at once, together', async () => {
    const { batches, writes, pass } = bench();
    const answers = [batches.submit([1]), batches.submit([2, 3])];
    assert.equal(writes.length, 0);
    await pass(0);
    assert.deepEqual(writes[0]?.rows, [1, 2, 3]);
    assert.equal(batches.waiting, 3);
    await writes[0]?.answer(['stored', 'duplicate', { rejected: 'bad' }]);
    assert.deepEqual(await Promise.all(answers), [['stored'], ['duplicate', { rejected: 'bad' }]]);
    assert.equal(batches.waiting, 0);
  });

  it('has one write under way; the next leaves when it is committed, at the earliest after the linger', async () => {
    const { batches, writes, pass } = bench({ lingerMs: 5 });
    void batches.submit([1]);
    await pass(0);
    void batches.submit([2]);
    void batches.submit([3]);
    await pass(3);
    assert.equal(writes.length, 1);
    await writes[0]?.answer();
    await pass(0);
    assert.equal(writes.length, 1, 'lingers');
    await pass(2);
    assert.deepEqual(writes[1]?.rows, [2, 3]);
    await pass(50);
    void batches.submit([4]);
    await writes[1]?.answer();
    await pass(0);
    assert.deepEqual(writes[2]?.rows, [4], 'the write took longer than the linger');
  });

  it('does not linger with a full batch, and splits what is too large for one', async () => {
    const { batches, writes, pass } = bench({ maxRows: 3, lingerMs: 5 });
    const first = batches.submit([1]);
    await pass(0);
    const large = batches.submit([2, 3, 4, 5, 6, 7, 8]);
    const last = batches.submit([9]);
    for (const [at, rows] of [[1], [2, 3, 4], [5, 6, 7], [8, 9]].entries()) {
      await pass(at === 3 ? 5 : 0);
      assert.deepEqual(writes[at]?.rows, rows);
      await writes[at]?.answer(rows.map((n): Outcome => (n % 2 ? 'stored' : 'duplicate')));
    }
    assert.deepEqual(await first, ['stored']);
    assert.deepEqual(await large, ['duplicate', 'stored', 'duplicate', 'stored', 'duplicate', 'stored', 'duplicate']);
    assert.deepEqual(await last, ['stored']);
  });

  it('hands back what the write throws, and goes on with the next', async () => {
    const { batches, writes, pass } = bench();
    const first = assert.rejects(batches.submit([1]), /a mistake/);
    await pass(0);
    const second = batches.submit([2]);
    await writes[0]?.fail(new TypeError('a mistake'));
    await first;
    await pass(5);
    await writes[1]?.answer();
    assert.deepEqual(await second, ['stored']);
    assert.equal(batches.waiting, 0);
  });

  it('refuses rows above its limit as an outage, but takes one large submit when empty', async () => {
    const { batches, writes, pass } = bench({ limitRows: 3 });
    void batches.submit([1, 2, 3, 4]);
    assert.equal(batches.full, true);
    await assert.rejects(batches.submit([5]), { kind: 'outage' });
    assert.equal(batches.waiting, 4);
    await pass(0);
    await writes[0]?.answer();
    assert.equal(batches.full, false);
    void batches.submit([5]);
    assert.equal(batches.waiting, 1);
  });

  it('bounds writes and memory in bytes, too', async () => {
    // A row is as long as its number says.
    const { batches, writes, pass } = bench({ bytesOf: row => row, maxBytes: 10, limitBytes: 30 });
    const first = batches.submit([9, 4, 2, 7, 25]);
    void batches.submit([1]).catch(() => undefined);
    assert.equal(batches.full, true);
    await assert.rejects(batches.submit([1]), { kind: 'outage' });
    for (const [at, rows] of [
      [9, 4],
      [2, 7, 25],
    ].entries()) {
      await pass(5);
      assert.deepEqual(writes[at]?.rows, rows);
      await writes[at]?.answer();
    }
    assert.equal((await first).length, 5);
    assert.equal(batches.full, false);
    assert.equal(batches.waiting, 0);
  });

  it('answers nothing for nothing, without a write', async () => {
    const { batches, timers } = bench();
    assert.deepEqual(await batches.submit([]), []);
    assert.equal(timers, 0);
  });

  it('writes what it has before it closes', async () => {
    const trial = bench({ lingerMs: 1000 });
    const { batches, writes, pass } = trial;
    const first = batches.submit([1]);
    await pass(0);
    const second = batches.submit([2]);
    const closed = batches.close(5000);
    await assert.rejects(batches.submit([3]), { kind: 'outage' });
    await writes[0]?.answer();
    await pass(0);
    assert.deepEqual(writes[1]?.rows, [2]);
    await writes[1]?.answer();
    await closed;
    assert.deepEqual([await first, await second], [['stored'], ['stored']]);
    assert.equal(trial.timers, 0);
  });

  it('hands the rest back as an outage when the time to close is over', async () => {
    const trial = bench();
    const { batches, writes, pass } = trial;
    const handedBack = Promise.all([
      assert.rejects(batches.submit([1]), { kind: 'outage' }),
      pass(0).then(() => assert.rejects(batches.submit([2]), { kind: 'outage' })),
    ]);
    await pass(0);
    const closed = batches.close(1000);
    await pass(1000);
    await closed;
    await handedBack;
    assert.equal(batches.waiting, 0);
    // The write that hung is answered after all: nobody waits for it any more.
    await writes[0]?.answer();
    assert.equal(batches.waiting, 0);
    assert.equal(trial.writes.length, 1);
    assert.equal(trial.timers, 0);
  });
});
