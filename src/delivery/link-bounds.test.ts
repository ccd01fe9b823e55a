// A link whose outbox is full, and one that was deployed with another policy or removed while rows lie there.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { linkPlace, numbersOf, row, type Row, rows, until } from './link.fixture.ts';

describe('link: what an earlier policy has left', () => {
  const { bench, disk, lying, file } = linkPlace();

  for (const kind of ['memory', 'drop'] as const)
    it(`sends first what lies there where the policy is ${kind} by now, and keeps nothing more then`, async () => {
      const before = bench(disk());
      before.peer.up = false;
      await before.link.submit(rows(0, 30));
      await before.link.close(0);
      const { link, peer, drained, status } = bench({ kind, left: disk() });
      peer.up = false;
      await until(() => /30 on disk/.test(status()));
      assert.deepEqual(await link.submit(rows(30, 1)), ['kept']);
      peer.up = true;
      await until(() => drained.length === 31);
      assert.deepEqual(await link.submit(rows(31, 1)), ['stored']);
      assert.deepEqual(peer.stored, numbersOf(rows(0, 32)));
      peer.up = false;
      const last = link.submit(rows(32, 1));
      if (kind === 'drop') assert.deepEqual(await last, ['dropped']);
      else await until(() => /away, .*1 waiting/.test(status()));
      peer.up = true;
      await last;
      await link.close(0);
      assert.deepEqual(await lying(), []);
    });

  it('does as the policy says from the first row on where nothing lies there', async () => {
    const before = bench(disk());
    before.peer.up = false;
    await before.link.submit(rows(0, 1));
    before.peer.up = true;
    await until(() => before.drained.length === 1);
    await before.link.close(0);
    const { link, peer } = bench({ kind: 'drop', left: disk() });
    peer.up = false;
    assert.deepEqual(await link.submit(rows(1, 1)), ['dropped']);
    assert.deepEqual(await lying(), []);
  });

  it('makes no file where the policy was never disk', async () => {
    const { link, peer } = bench({ kind: 'drop', left: disk() });
    peer.up = false;
    assert.deepEqual(await link.submit(rows(0, 1)), ['dropped']);
    assert.equal(existsSync(file()), false);
  });

  for (const removed of [true, false])
    it(`says what stays on the disk where its node is ${removed ? 'removed' : 'deployed anew'}: ${removed}`, async () => {
      const { link, peer, log } = bench(disk());
      peer.up = false;
      await link.submit(rows(0, 30));
      await link.close(0, removed);
      const said = log.filter(line => line.includes(`30 rows stay in ${file()}: they are sent when a node of this id`));
      assert.equal(said.length, removed ? 1 : 0);
    });
});

describe('link: when the outbox is full', () => {
  const { bench, disk } = linkPlace();

  /** Does not shrink when it is compressed: some four of them fill the outbox. */
  const noisy = (n: number): Row & { text: string } => ({
    ...row(n),
    text: Array.from({ length: 400 }, () => Math.random().toString(36)).join(''),
  });
  const small = (full: string) => disk({ full, maxBytes: 20_000 });

  it('block: rows wait in memory, and beyond its bound with their source', async () => {
    const { link, peer, status } = bench(small('block'), { limitRows: 3 });
    peer.up = false;
    const isFull = () => /outbox full/.test(status());
    const waiting: Promise<unknown>[] = [];
    let next = 0;
    while (!isFull()) {
      const submitted = link.submit([noisy(next++)]);
      waiting.push(submitted);
      await Promise.race([submitted, until(isFull)]);
    }
    assert.ok(next > 3 && next < 8, `${next} rows`);
    for (let more = 0; more < 2; more++) waiting.push(link.submit([noisy(next++)]));
    await assert.rejects(link.submit([noisy(next)]), { code: 'FIELDLINE_FULL', kind: 'outage' });
    peer.up = true;
    await Promise.all(waiting);
    await until(() => peer.stored.length === next);
    assert.deepEqual(peer.stored, numbersOf(rows(0, next)));
  });

  it('drop-newest: rows are dropped, and told so', async () => {
    const { link, peer, counts } = bench(small('drop-newest'));
    peer.up = false;
    const fates: unknown[] = [];
    for (let n = 0; n < 12; n++) fates.push(...(await link.submit([noisy(n)])));
    const kept = fates.indexOf('dropped');
    assert.ok(kept > 2 && kept < 8, `${kept} kept`);
    assert.deepEqual(new Set(fates.slice(kept)), new Set(['dropped']));
    assert.equal(counts['fieldline_dropped_total outbox full'], 12 - kept);
    peer.up = true;
    await until(() => peer.stored.length === kept);
    assert.deepEqual(peer.stored, numbersOf(rows(0, kept)));
  });

  it('drop-oldest: the oldest rows are dropped, and told of', async () => {
    const { link, peer, counts, dropped } = bench(small('drop-oldest'));
    peer.up = false;
    for (let n = 0; n < 12; n++) assert.deepEqual(await link.submit([noisy(n)]), ['kept']);
    assert.ok(dropped.length > 4 && dropped.length < 10, `${dropped.length} dropped`);
    assert.deepEqual(dropped, numbersOf(rows(0, dropped.length)));
    assert.equal(counts['fieldline_dropped_total outbox full'], dropped.length);
    peer.up = true;
    await until(() => peer.stored.length === 12 - dropped.length);
    assert.deepEqual(peer.stored, numbersOf(rows(dropped.length, 12 - dropped.length)));
  });
});
