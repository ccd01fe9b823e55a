// Halving: writes that take too long become smaller until they fit, each row is told once what became of it, and they grow again.
import assert from 'node:assert/strict';
import { fakeClock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { Outcome } from '../reading/contracts.ts';
import { halving, type Peer } from './halving.ts';
import { openLink } from './link.ts';

type Row = { n: number };
const LIMIT_MS = 1000;
const slow = new Fault('FIELDLINE_DATABASE', 'database: too slow', { kind: 'outage' });
const away = new Fault('FIELDLINE_DATABASE', 'database: away', { kind: 'outage' });
const rowsOf = (count: number): Row[] => Array.from({ length: count }, (_, n) => ({ n }));

/** A database in which a row takes `msOf`, and a statement may take a second. */
function slowly(msOf: (row: Row) => number) {
  const clock = fakeClock();
  const stored = new Set<number>();
  const sizes: number[] = [];
  const database = { up: true, msOf };
  const peer: Peer<Row> = {
    async write(rows) {
      if (!database.up) throw away;
      sizes.push(rows.length);
      const takes = rows.reduce((ms, row) => ms + database.msOf(row), 0);
      clock.advance(Math.min(takes, LIMIT_MS));
      if (takes > LIMIT_MS) throw slow;
      return rows.map(({ n }): Outcome => {
        if (stored.has(n)) return 'duplicate';
        stored.add(n);
        return 'stored';
      });
    },
    isTooMuch: fault => fault === slow,
    close: async () => {},
  };
  const sink = halving(peer, clock);
  /** As a link does it: the same rows again after an outage. */
  async function untilWritten(rows: readonly Row[]): Promise<readonly Outcome[]> {
    for (;;)
      try {
        return await sink.write(rows);
      } catch (error) {
        if (error !== slow) throw error;
      }
  }
  return { peer, sink, database, stored, sizes, untilWritten };
}

describe('halving: writes that take too long', () => {
  it('are halved until they fit', async () => {
    const { untilWritten, stored, sizes } = slowly(() => 200);
    assert.deepEqual(new Set(await untilWritten(rowsOf(40))), new Set(['stored']));
    assert.equal(stored.size, 40);
    assert.deepEqual(sizes.slice(0, 4), [40, 20, 10, 5]);
    assert.deepEqual(new Set(sizes.slice(3)), new Set([5]));
  });

  it('grow again when there is haste', async () => {
    const { untilWritten, database, sizes, sink } = slowly(() => 200);
    await untilWritten(rowsOf(40));
    database.msOf = () => 1;
    sizes.length = 0;
    await untilWritten(rowsOf(40));
    assert.deepEqual(sizes, [5, 10, 20, 5]);
    assert.equal(sink.mostRows(), 40);
  });

  it('one row alone that takes too long is an outage which says so', async () => {
    const { sink, untilWritten } = slowly(({ n }) => (n === 3 ? 2000 : 1));
    const says = { kind: 'outage', message: 'database: too slow; even with one row alone' };
    const rows = rowsOf(5);
    await assert.rejects(untilWritten(rows), says);
    await assert.rejects(untilWritten(rows), says);
    assert.equal(sink.failedAt(), rows[3]);
    assert.deepEqual(
      rows.filter(row => sink.arrived(row)).map(({ n }) => n),
      [0, 1, 2],
    );
  });

  it('one row alone that takes too long for ever is refused where others are taken', async () => {
    const { peer, stored } = slowly(({ n }) => (n === 3 ? 2000 : 1));
    const link = openLink(peer, {
      ...{ target: 'peer', policy: { kind: 'memory' }, firstRetryMs: 1, lastRetryMs: 1 },
      host: { status() {}, count() {}, gauge() {}, log() {} },
    });
    // As single messages, which a write of one row alone would leave without any other.
    const outcomes = (await Promise.all(rowsOf(5).map(row => link.submit([row])))).flat();
    assert.deepEqual(
      outcomes.map(outcome => (typeof outcome === 'object' ? 'refused' : outcome)),
      ['stored', 'stored', 'stored', 'refused', 'stored'],
    );
    assert.deepEqual([...stored], [0, 1, 2, 4]);
    await link.close();
  });

  it('tell of each row as it was, also of those that landed before an outage', async () => {
    const { sink, database, stored, untilWritten } = slowly(() => 200);
    stored.add(1);
    const rows = rowsOf(12);
    database.msOf = ({ n }) => {
      if (n === 11) database.up = false;
      return 200;
    };
    await assert.rejects(untilWritten(rows), away);
    database.up = true;
    database.msOf = () => 1;
    const outcomes = await untilWritten(rows);
    assert.deepEqual(
      outcomes,
      rows.map(({ n }) => (n === 1 ? 'duplicate' : 'stored')),
    );
    assert.equal(sink.arrived(rows[0]!), false);
  });
});
