// A link with the policy disk over a scripted peer: what is kept in an outage, in what order it leaves, and when it is forgotten.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { GRACE_MS, linkPlace, numbersOf, outage, row, rows, until } from './link.fixture.ts';
import { openOutbox } from './outbox/outbox.ts';

describe('link: disk', () => {
  const { bench, disk, lying, file } = linkPlace();

  it('keeps rows of an outage on the disk, and calls that done', async () => {
    const { link, peer, counts, status } = bench(disk());
    peer.up = false;
    assert.deepEqual(await link.submit(rows(0, 2)), ['kept', 'kept']);
    assert.deepEqual(await link.submit(rows(2, 1)), ['kept']);
    const shown = /^red peer away, (retry in \d s|trying), 3 on disk \(0\.0 MB, oldest \d+ (s|min|h)\); peer: away/;
    await until(() => shown.test(status()));
    assert.equal(counts['fieldline_kept_total'], 3);
    await link.close(0);
    assert.deepEqual(await lying(), [0, 1, 2]);
  });

  it('drains oldest first while new rows come, keeps the order, and goes directly again afterwards', async () => {
    const { link, peer, drained, counts } = bench(disk(), { maxRows: 40 });
    peer.up = false;
    let next = 0;
    for (; next < 1000; next += 25) await link.submit(rows(next, 25));
    peer.up = true;
    const fates: unknown[] = [];
    for (; fates.at(-1) !== 'stored'; next += 10) fates.push(...(await link.submit(rows(next, 10))));
    assert.deepEqual(peer.stored, numbersOf(rows(0, next)), 'in order, each once');
    assert.equal(drained.length, next - fates.filter(fate => fate === 'stored').length);
    assert.ok(drained.every(([, outcome]) => outcome === 'stored'));
    assert.equal(counts['fieldline_stored_total'], next);
  });

  it('goes on where an earlier process was, before anything new', async () => {
    const before = bench(disk());
    before.peer.up = false;
    await before.link.submit(rows(0, 30));
    await before.link.close(0);
    const { link, peer, drained } = bench(disk());
    const fates = await link.submit(rows(30, 1));
    await until(() => peer.stored.length === 31);
    assert.deepEqual(peer.stored, numbersOf(rows(0, 31)));
    assert.ok(['kept', 'stored'].includes(String(fates[0])));
    await until(() => drained.length >= 30);
  });

  it('isolates a bad row among good ones', async () => {
    const { link, peer, drained, counts } = bench(disk());
    peer.up = false;
    await link.submit([row(1), row(-2), row(3)]);
    peer.up = true;
    await until(() => drained.length === 3);
    assert.deepEqual(drained, [
      [1, 'stored'],
      [-2, { rejected: '-2 is negative' }],
      [3, 'stored'],
    ]);
    assert.equal(counts['fieldline_rejected_total'], 1);
  });

  it('halves a batch on which the peer chokes, until only the poison is left, after an outage too', async () => {
    const { link, peer, drained } = bench(disk());
    peer.up = false;
    await link.submit(rows(0, 20));
    peer.choke = 13;
    peer.up = true;
    await until(() => drained.length === 20);
    assert.deepEqual(
      drained.filter(([, outcome]) => outcome !== 'stored'),
      [[13, { rejected: 'choked' }]],
    );
    assert.equal(peer.stored.length, 19);
  });

  it('forgets rows only when their outcomes were told', async () => {
    let refusals = 3;
    const told: number[] = [];
    const { link, peer, log } = bench(disk(), {
      async onDrained(members) {
        if (refusals-- > 0) throw refusals === 2 ? new Error('a mistake') : outage;
        told.push(...numbersOf(members));
      },
    });
    peer.up = false;
    await link.submit(rows(0, 3));
    peer.up = true;
    await until(() => told.length > 0);
    assert.deepEqual([told, peer.writes], [[0, 1, 2], [[0, 1, 2]]], 'written once, told until it works');
    assert.ok(log.some(line => /away: a mistake/.test(line)));
  });

  it('gives rows again that were written a moment before a crash', async () => {
    const before = bench(disk(), { onDrained: () => new Promise(() => {}) });
    before.peer.up = false;
    await before.link.submit(rows(0, 3));
    before.peer.up = true;
    await until(() => before.peer.stored.length === 3);
    await before.link.close(0);
    const { peer, drained } = bench(disk());
    peer.stored.push(0, 1, 2);
    await until(() => drained.length === 3);
    assert.deepEqual(drained[0], [0, 'duplicate']);
  });

  it('keeps what waits in memory when it closes in an outage', async () => {
    const { link, peer } = bench(disk(), { lingerMs: 1000 });
    await link.submit(rows(0, 1));
    peer.up = false;
    const fates = Promise.all([link.submit(rows(1, 2)), link.submit(rows(3, 2))]);
    await link.close(GRACE_MS);
    assert.deepEqual((await fates).flat(), ['kept', 'kept', 'kept', 'kept']);
    assert.deepEqual(await lying(), [1, 2, 3, 4]);
  });

  it('goes directly while its outbox is in use by another process, and takes it over when that ends', async () => {
    mkdirSync(dirname(file()));
    const other = await openOutbox(file());
    const { link, peer, status } = bench(disk());
    assert.deepEqual(await link.submit(rows(0, 1)), ['stored']);
    peer.up = false;
    const waiting = link.submit(rows(1, 1));
    await until(() => /no outbox: .*n\.outbox/.test(status()));
    await other.close();
    assert.deepEqual(await waiting, ['kept']);
    peer.up = true;
    await until(() => peer.stored.length === 2);
  });
});
