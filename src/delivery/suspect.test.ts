// A row at which the peer fails for ever: refused where the peer takes others, and only there; what each policy makes of it.
import assert from 'node:assert/strict';
import { fakeClock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { Outcome } from '../reading/contracts.ts';
import type { Halved, Peer } from './halving.ts';
import { linkPlace } from './link.fixture.ts';
import { openLink } from './link.ts';
import { suspecting } from './suspect.ts';
import { until } from '../../test/support/until.ts';

type Row = { n: number };
const away = new Fault('FIELDLINE_HTTP', 'peer: HTTP 500', { kind: 'outage' });

/** Takes rows one by one until it fails at one, by `fails`. */
function peerOf(fails: (n: number) => boolean, refuses: (n: number) => boolean = () => false) {
  const arrived = new Set<Row>();
  const tried: number[] = [];
  let failedAt: Row | undefined;
  const peer: Halved<Row> = {
    async write(rows) {
      failedAt = undefined;
      return rows.map((row): Outcome => {
        if (arrived.has(row)) return 'stored';
        tried.push(row.n);
        if (fails(row.n)) {
          failedAt = row;
          throw away;
        }
        if (refuses(row.n)) return { rejected: 'HTTP 422' };
        arrived.add(row);
        return 'stored';
      });
    },
    failedAt: () => failedAt,
    mostRows: () => Infinity,
    arrived: row => arrived.has(row),
    told: row => (arrived.has(row) ? 'stored' : undefined),
    tooMuch: () => undefined,
    close: async () => {},
  };
  return { bare: peer, peer: suspecting(peer), tried };
}
const rowsOf = (count: number): Row[] => Array.from({ length: count }, (_, n) => ({ n }));

/** Writes until there is an answer, at most so often. */
async function insist(peer: Peer<Row>, rows: readonly Row[], attempts: number) {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const outcomes = await peer.write(rows).catch(() => undefined);
    if (outcomes !== undefined) return { outcomes, attempt };
  }
  return undefined;
}

describe('a row at which the peer fails', () => {
  for (const at of [0, 3, 6])
    it(`is refused after ten failures where others are taken, row ${at} of 8`, async () => {
      const { peer } = peerOf(n => n === at);
      const { outcomes, attempt } = (await insist(peer, rowsOf(8), 50))!;
      assert.equal(attempt, 10);
      assert.deepEqual(
        outcomes.flatMap((outcome, n) => (outcome === 'stored' ? [] : [[n, outcome]])),
        [[at, { rejected: 'peer: HTTP 500; 11 times, while others were taken' }]],
      );
    });

  it('and another one, too: each for itself', async () => {
    const { peer } = peerOf(n => n === 2 || n === 5);
    const { outcomes } = (await insist(peer, rowsOf(8), 50))!;
    assert.deepEqual(
      outcomes.map(outcome => outcome === 'stored'),
      [true, true, false, true, true, false, true, true],
    );
  });

  for (const bad of [
    [2, 3],
    [0, 1, 2, 3, 4],
    [3, 4, 6, 7],
    [0, 2, 3, 4, 5, 6, 7],
  ])
    it(`and those next to it: rows ${bad.join(', ')} of 16`, async () => {
      const { peer } = peerOf(n => bad.includes(n));
      const { outcomes } = (await insist(peer, rowsOf(16), 200))!;
      assert.deepEqual(
        outcomes.flatMap((outcome, n) => (outcome === 'stored' ? [] : [n])),
        bad,
      );
    });

  it('is not blamed for an outage, however long it lasts: all arrive afterwards', async () => {
    let up = false;
    const { peer } = peerOf(() => !up);
    const rows = rowsOf(4);
    assert.equal(await insist(peer, rows, 100), undefined);
    up = true;
    assert.deepEqual(
      await peer.write(rows),
      rows.map(() => 'stored'),
    );
  });

  it('is not blamed where the peer comes back just then', async () => {
    let left = 11;
    const { peer } = peerOf(() => left-- > 0);
    const rows = rowsOf(4);
    assert.deepEqual(
      (await insist(peer, rows, 50))?.outcomes,
      rows.map(() => 'stored'),
    );
  });

  it('waits while nothing lies behind it, and is judged by the next one', async () => {
    const { peer } = peerOf(n => n === 0);
    const rows = rowsOf(2);
    assert.equal(await insist(peer, rows.slice(0, 1), 50), undefined);
    const [first, second] = await peer.write(rows);
    assert.deepEqual([typeof first, second], ['object', 'stored']);
  });

  it('that a rule refuses, and that is alone, waits for another one for ten minutes, no longer', async () => {
    const clock = fakeClock();
    const { bare, tried } = peerOf(n => n === 0);
    const peer = suspecting({ ...bare, isDoubtful: () => true, isRule: () => true }, clock);
    const rows = rowsOf(2);
    for (const ms of [0, 599_999]) {
      clock.advance(ms);
      await assert.rejects(peer.write(rows.slice(0, 1)), away);
    }
    clock.advance(1);
    assert.deepEqual(await peer.write(rows.slice(0, 1)), [
      { rejected: 'peer: HTTP 500; no other row came for 10 minutes to tell' },
    ]);
    assert.deepEqual(tried, [0, 0, 0]);
  });

  it('that a rule refuses begins to wait anew where another one was there, and waits on where it is no rule', async () => {
    const clock = fakeClock();
    let isRule = true;
    const peer = suspecting({ ...peerOf(() => true).bare, isDoubtful: () => true, isRule: () => isRule }, clock);
    const rows = rowsOf(2);
    const refused = (count: number) => assert.rejects(peer.write(rows.slice(0, count)), away);
    await refused(1);
    clock.advance(500_000);
    await refused(2);
    clock.advance(500_000);
    await refused(1);
    clock.advance(500_000);
    isRule = false;
    await refused(1);
    clock.advance(9_000_000);
    await refused(1);
  });

  it('is not judged by a row that is refused, which stays refused', async () => {
    const { peer, tried } = peerOf(
      n => n === 0,
      n => n === 1,
    );
    const { outcomes } = (await insist(peer, rowsOf(3), 50))!;
    assert.deepEqual(
      outcomes.map(outcome => typeof outcome),
      ['object', 'object', 'string'],
    );
    assert.equal(tried.filter(n => n === 1).length, 1);
  });

  it('that waits alone in memory is tried together with those that come behind it', async () => {
    const { bare } = peerOf(n => n === 0);
    const link = openLink<Row>(bare, {
      ...{ target: 'peer', policy: { kind: 'memory' }, firstRetryMs: 1, lastRetryMs: 1 },
      host: { status() {}, count() {}, gauge() {}, log() {} },
    });
    const first = link.submit([{ n: 0 }]);
    assert.deepEqual(await link.submit([{ n: 1 }]), ['stored']);
    assert.match(
      JSON.stringify(await first),
      /^\[\{"rejected":"peer: HTTP 500; \d+ times, while others were taken"\}\]$/,
    );
    await link.close();
  });

  describe('at the end of a write that takes no more', () => {
    const place = linkPlace();
    const host = { status() {}, count() {}, gauge() {}, log() {} };
    for (const kind of ['memory', 'disk'] as const)
      it(`is judged by what comes next, policy ${kind}`, async () => {
        // Each of those behind can tell of one only.
        const { bare } = peerOf(n => [2, 3, 4, 7, 8].includes(n));
        const drained: [number, string][] = [];
        const link = openLink<Row>(bare, {
          ...{ target: 'peer', policy: kind === 'disk' ? place.disk() : { kind }, maxRows: 4, host },
          ...{ firstRetryMs: 1, lastRetryMs: 1 },
          async onDrained(rows, outcomes) {
            for (const [at, { n }] of rows.entries()) drained.push([n, typeof outcomes[at]]);
          },
        });
        const rows = rowsOf(16);
        const settled = Promise.all(
          [0, 4, 8, 9, 10, 11].map((from, at, all) => link.submit(rows.slice(from, all[at + 1] ?? 12))),
        );
        if (kind === 'disk') await settled;
        const last = link.submit(rows.slice(12));
        const fates = [...(await settled), await last].flat();
        await until(() => drained.length === fates.filter(fate => fate === 'kept').length);
        const kept = new Map(drained);
        const refused = rows.flatMap(({ n }) => ((kept.get(n) ?? typeof fates[n]) === 'object' ? [n] : []));
        assert.deepEqual(refused, [2, 3, 4, 7, 8]);
        await link.close();
      });

    for (const kind of ['memory', 'disk'] as const)
      it(`however many are like it, policy ${kind}`, async () => {
        const isBad = ({ n }: Row) => n < 3000;
        // As a database does: where it takes none of a write, it may be to blame itself.
        const peer: Peer<Row> = {
          async write(rows) {
            if (rows.every(isBad)) throw away;
            return rows.map(row => (isBad(row) ? { rejected: 'no' } : 'stored'));
          },
          isDoubtful: () => true,
          async close() {},
        };
        const counts = { stored: 0, rejected: 0 };
        const count = (outcome: unknown) => counts[outcome === 'stored' ? 'stored' : 'rejected']++;
        const link = openLink<Row>(peer, {
          ...{ target: 'peer', policy: kind === 'disk' ? place.disk() : { kind }, maxRows: 50, host },
          ...{ firstRetryMs: 1, lastRetryMs: 1 },
          async onDrained(_rows, outcomes) {
            outcomes.forEach(count);
          },
        });
        const rows = rowsOf(3500);
        const parts = Array.from({ length: 7 }, (_, n) => link.submit(rows.slice(n * 500, n * 500 + 500)));
        for (const fate of (await Promise.all(parts)).flat()) if (fate !== 'kept') count(fate);
        await until(() => counts.stored + counts.rejected === rows.length);
        assert.deepEqual(counts, { stored: 500, rejected: 3000 });
        // The outbox is looked into once more just then; nothing is left to wait for.
        await link.close(600_000);
      });
  });
});
