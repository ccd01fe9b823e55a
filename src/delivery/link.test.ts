// The pipeline of a link over a scripted peer: what is told of rows while the peer is there, and what the policies drop and memory do in an outage.
import assert from 'node:assert/strict';
import { linkPlace, outage, row, rows, until } from './link.fixture.ts';

describe('link', () => {
  const { bench, disk } = linkPlace();

  describe('that has nothing to write', () => {
    it('says nothing of a peer that it cannot ask, until it was written to', async () => {
      const { link, up, status } = bench({ kind: 'memory' });
      await until(() => status() !== '');
      assert.equal(up(), undefined);
      await link.submit(rows(0, 1));
      await until(() => up() === 1);
    });

    for (const kind of ['drop', 'disk'] as const)
      it(`${kind}: asks the peer at first and every 10 s, and sees it go and come back`, async () => {
        let [there, asked] = [false, 0];
        const ask = async () => {
          asked++;
          if (!there) throw outage;
        };
        const { link, up, status, clock, peer, ticked } = bench(kind === 'disk' ? disk() : { kind }, { ask });
        await until(() => up() === 0);
        assert.match(status(), /^red peer away/);
        there = true;
        clock.advance(1000);
        await until(() => up() === 1);
        const before = asked;
        clock.advance(9000);
        await link.submit(rows(0, 1));
        there = false;
        clock.advance(9000);
        await ticked();
        assert.equal(asked, before, 'a write tells as well');
        clock.advance(1000);
        await until(() => up() === 0);
        // It is written to as soon as there is something, if only to see.
        clock.advance(1000);
        await link.submit(rows(1, 1));
        assert.deepEqual([peer.stored, up()], [[0, 1], 1]);
      });

    it('does not take an answer for a peer that takes rows: who cannot be written to is down until it can', async () => {
      let asked = 0;
      const { link, up, peer, clock, log, ticked } = bench({ kind: 'drop' }, { ask: async () => asked++ });
      await until(() => up() === 1);
      peer.up = false;
      assert.deepEqual(await link.submit(rows(0, 1)), ['dropped']);
      await until(() => up() === 0);
      clock.advance(60_000);
      await ticked();
      assert.deepEqual([up(), asked, log.filter(line => /is back/.test(line))], [0, 1, []]);
    });
  });

  for (const kind of ['drop', 'memory', 'disk'] as const)
    it(`${kind}: tells of each row what the peer answered, while it is there`, async () => {
      const { link, counts } = bench(kind === 'disk' ? disk() : { kind });
      assert.deepEqual(await link.submit([row(1), row(-2), row(1)]), [
        'stored',
        { rejected: '-2 is negative' },
        'duplicate',
      ]);
      assert.deepEqual(counts, {
        fieldline_stored_total: 1,
        fieldline_duplicates_total: 1,
        fieldline_rejected_total: 1,
      });
    });

  for (const kind of ['drop', 'memory', 'disk'] as const)
    it(`${kind}: lets no row suffer for the poison that it is written with`, async () => {
      const { link, peer } = bench(kind === 'disk' ? disk() : { kind });
      peer.choke = 3;
      // Of several messages, in one write.
      const answers = await Promise.all([link.submit(rows(0, 3)), link.submit(rows(3, 1)), link.submit(rows(4, 2))]);
      assert.deepEqual(answers, [['stored', 'stored', 'stored'], [{ rejected: 'choked' }], ['stored', 'stored']]);
    });

  describe('drop', () => {
    it('drops and counts what meets an outage, and tries again when it is due', async () => {
      const { link, peer, counts, log, clock, status } = bench({ kind: 'drop' });
      peer.up = false;
      assert.deepEqual(await link.submit(rows(0, 2)), ['dropped', 'dropped']);
      assert.deepEqual(await link.submit(rows(2, 1)), ['dropped']);
      assert.equal(peer.tries, 1, 'the peer is left alone');
      assert.match(status(), /^red peer away, retry in 1 s/);
      assert.equal(counts['fieldline_dropped_total away'], 3);
      peer.up = true;
      clock.advance(100);
      assert.deepEqual(await link.submit(rows(3, 1)), ['stored']);
      assert.deepEqual(
        log.map(line => line.split(':')[0]),
        ['warn peer away', 'warn peer away', 'info peer is back after 0 s'],
      );
    });

    it('drops what a slow peer leaves waiting above the bound', async () => {
      const { link } = bench({ kind: 'drop' }, { limitRows: 2 });
      const first = link.submit(rows(0, 2));
      assert.deepEqual(await link.submit(rows(2, 1)), ['dropped']);
      assert.deepEqual(await first, ['stored', 'stored']);
    });
  });

  describe('memory', () => {
    it('holds rows in order, for as long as it takes', async () => {
      const { link, peer, status } = bench({ kind: 'memory' });
      peer.up = false;
      const first = link.submit(rows(0, 2));
      await until(() => peer.tries > 5);
      const second = link.submit(rows(2, 2));
      await until(() => peer.tries > 10);
      assert.match(status(), /^red peer away, (retry in \d s|trying), 4 waiting; peer: away/);
      peer.up = true;
      assert.deepEqual(await Promise.all([first, second]), [
        ['stored', 'stored'],
        ['stored', 'stored'],
      ]);
      assert.deepEqual(peer.stored, [0, 1, 2, 3]);
    });

    it('refuses more than it may hold, as an outage', async () => {
      const { link, peer } = bench({ kind: 'memory' }, { limitRows: 2 });
      peer.up = false;
      const first = link.submit(rows(0, 2));
      await assert.rejects(link.submit(rows(2, 1)), { kind: 'outage', code: 'FIELDLINE_FULL' });
      peer.up = true;
      await first;
    });

    it('hands back what it could not write when it closes', async () => {
      const { link, peer } = bench({ kind: 'memory' });
      peer.up = false;
      const refused = assert.rejects(link.submit(rows(0, 1)), { kind: 'outage' });
      await until(() => peer.tries > 0);
      await link.close(0);
      await refused;
    });
  });
});
