// What every sink keeps to, as one suite: order, duplicates, partial failure, outage, close during a write.
import assert from 'node:assert/strict';
import { Fault } from '../../src/kernel/fault.ts';
import type { Sink } from '../../src/reading/contracts.ts';

export type SinkUnderTest<Row> = {
  sink: Sink<Row>;
  /** Row number n: different from every other, the same again for the same n. */
  row(n: number): Row;
  /** A row that the target refuses. */
  bad(n: number): Row;
  /** Numbers of the rows as the target holds them, in the order of writing. */
  stored(): Promise<readonly number[]>;
  /** The target goes away without a word, and comes back. */
  stop(): Promise<void>;
  start(): Promise<void>;
};

const numbers = (from: number, count: number) => Array.from({ length: count }, (_, at) => from + at);

export function sinkContract<Row>(name: string, open: (context: Mocha.Context) => Promise<SinkUnderTest<Row>>): void {
  describe(`sink contract: ${name}`, () => {
    let target: SinkUnderTest<Row>;
    let next = 0;
    /** Numbers that no other test has used. */
    const fresh = (count: number) => {
      next += 1000;
      return numbers(next, count);
    };
    const storedSince = async (first: number) => (await target.stored()).filter(n => n >= first && n < first + 1000);
    before(async function () {
      target = await open(this);
    });

    it('answers nothing for nothing', async () => {
      assert.deepEqual(await target.sink.write([]), []);
    });

    it('stores rows in their order', async () => {
      const some = fresh(500);
      const outcomes = await target.sink.write(some.map(target.row));
      assert.deepEqual(new Set(outcomes), new Set(['stored']));
      assert.equal(outcomes.length, some.length);
      assert.deepEqual(await storedSince(some[0]!), some);
    });

    it('knows what it has stored, in a later write and within one', async () => {
      const [a, b, c, d] = fresh(4) as [number, number, number, number];
      await target.sink.write([a, b].map(target.row));
      assert.deepEqual(await target.sink.write([b, c, c, a, d].map(target.row)), [
        'duplicate',
        'stored',
        'duplicate',
        'duplicate',
        'stored',
      ]);
      assert.deepEqual(await storedSince(a), [a, b, c, d]);
    });

    for (const [where, at] of [
      ['first', [0]],
      ['last', [36]],
      ['in the middle, and two in a row', [10, 11, 20]],
      ['everywhere', numbers(0, 37)],
    ] as const)
      it(`refuses only the bad rows, with a reason: ${where}`, async () => {
        const some = fresh(37);
        const bad = new Set(at.map(index => some[index]!));
        const outcomes = await target.sink.write(some.map(n => (bad.has(n) ? target.bad(n) : target.row(n))));
        for (const [index, outcome] of outcomes.entries())
          if (bad.has(some[index]!)) assert.match((outcome as { rejected: string }).rejected, /\w{3}/);
          else assert.equal(outcome, 'stored');
        assert.deepEqual(
          await storedSince(some[0]!),
          some.filter(n => !bad.has(n)),
        );
      });

    it('rejects with an outage while the target is away, and writes all of it afterwards', async () => {
      const some = fresh(5);
      await target.stop();
      try {
        await assert.rejects(target.sink.write(some.map(target.row)), (fault: unknown) => {
          assert.ok(fault instanceof Fault);
          assert.equal(fault.kind, 'outage');
          return true;
        });
      } finally {
        await target.start();
      }
      assert.deepEqual(await target.sink.write(some.map(target.row)), new Array(5).fill('stored'));
    });

    it('answers a write that is under way when it closes', async () => {
      const some = fresh(200);
      const write = target.sink.write(some.map(target.row));
      await target.sink.close();
      const outcomes = await write.catch((fault: unknown) => fault);
      if (outcomes instanceof Fault) assert.equal(outcomes.kind, 'outage');
      else assert.deepEqual(await storedSince(some[0]!), some);
    });
  });
}
