// The link policy drop where the peer is there and slow: what fits in smaller writes is written, what is too much by itself is dropped alone.
import assert from 'node:assert/strict';
import { fakeClock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { Outcome } from '../reading/contracts.ts';
import type { Fate } from './carrier.ts';
import type { Peer } from './halving.ts';
import { openLink } from './link.ts';

type Row = { n: number };
const LIMIT_MS = 1000;
const outage = (text: string): Fault => new Fault('FIELDLINE_DATABASE', `database: ${text}`, { kind: 'outage' });
const slow = outage('too slow');
const COUNT = 24;
const all = (fate: Fate): Fate[] => Array.from({ length: COUNT }, () => fate);

/** One batch of rows to a database in which a row takes `msOf` and a statement may take a second, until `awayAfter` statements. */
async function fatesOf(
  msOf: (n: number) => number,
  awayAfter = Infinity,
): Promise<{ fates: readonly Fate[]; sizes: number[] }> {
  const clock = fakeClock();
  const sizes: number[] = [];
  const peer: Peer<Row> = {
    async write(rows) {
      if (sizes.length === awayAfter) throw outage('away');
      sizes.push(rows.length);
      const takes = rows.reduce((ms, { n }) => ms + msOf(n), 0);
      clock.advance(Math.min(takes, LIMIT_MS));
      if (takes > LIMIT_MS) throw slow;
      return rows.map(({ n }): Outcome => (n === 1 ? 'duplicate' : n === 2 ? { rejected: 'bad' } : 'stored'));
    },
    isTooMuch: fault => fault === slow,
    close: async () => {},
  };
  const link = openLink(peer, {
    ...{ target: 'database', policy: { kind: 'drop' }, clock },
    host: { status() {}, count() {}, gauge() {}, log() {} },
  });
  const fates = await link.submit(Array.from({ length: COUNT }, (_, n) => ({ n })));
  await link.close();
  return { fates, sizes };
}

const written = (): Fate[] => all('stored').with(1, 'duplicate').with(2, { rejected: 'bad' });

describe('link policy drop, in a database that is slow', () => {
  for (const [what, msOf, expected] of [
    ['all in smaller writes', () => 200, written()],
    ['each row by itself', () => 900, written()],
    ['one is too much', (n: number) => (n === 7 ? 2000 : 1), written().with(7, 'dropped')],
    ['the first is too much', (n: number) => (n === 0 ? 2000 : 1), written().with(0, 'dropped')],
    ['the last is too much', (n: number) => (n === 23 ? 2000 : 1), written().with(23, 'dropped')],
    [
      'several are too much',
      (n: number) => (n % 6 === 5 ? 2000 : 1),
      written().map((fate, n) => (n % 6 === 5 ? 'dropped' : fate)),
    ],
  ] as const)
    it(`what fits is written: ${what}`, async () => {
      const { fates } = await fatesOf(msOf);
      assert.deepEqual(fates, expected);
    });

  it('nothing fits: that is an outage, which is found soon', async () => {
    const { fates, sizes } = await fatesOf(() => 2000);
    assert.deepEqual([fates, sizes], [all('dropped'), [24, 12, 6, 3, 1, 1]]);
  });

  it('an outage in the middle drops what had not landed, and says of the rest what became of it', async () => {
    // Of 24, 12 and 6 rows, then 3, 3 and 3.
    const { fates } = await fatesOf(() => 300, 6);
    assert.deepEqual(
      fates,
      written().map((fate, n) => (n < 9 ? fate : 'dropped')),
    );
  });
});
