// The whole pipeline of a link over a scripted peer: what each policy does in an outage, what is told when, and in what order rows arrive.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeClock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { Outcome } from '../reading/contracts.ts';
import { type DiskPolicy, type Link, type LinkOptions, type LinkPolicy, openLink } from './link.ts';
import { openOutbox } from './outbox.ts';

type Row = { n: number; device: number };
const row = (n: number): Row => ({ n, device: n % 3 });
const rows = (from: number, count: number): Row[] => Array.from({ length: count }, (_, at) => row(from + at));
const numbersOf = (members: readonly Row[]): number[] => members.map(({ n }) => n);
const GRACE_MS = 4321;
const outage = new Fault('FIELDLINE_DATABASE', 'peer: away', { kind: 'outage' });
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

describe('link', () => {
  let folder = '';
  let file = '';
  let links: Link<Row>[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'link-'));
    file = join(folder, 'outbox', 'n.outbox');
    links = [];
  });
  afterEach(async () => {
    await Promise.all(links.map(link => link.close(0)));
    rmSync(folder, { recursive: true, force: true });
  });
  const disk = (more: object = {}): LinkPolicy => ({
    ...{ kind: 'disk', file, maxBytes: 10e6, maxAgeMs: Infinity, full: 'block' },
    ...more,
  });

  /** A peer that keeps rows, refuses those below 0, and is up or not; time passes as soon as somebody waits for it. */
  function bench(policy: LinkPolicy, options: Partial<LinkOptions<Row>> = {}) {
    const clock = fakeClock();
    const peer = { up: true, tries: 0, stored: [] as number[], writes: [] as number[][], choke: Number.NaN };
    const counts: Record<string, number> = {};
    const log: string[] = [];
    const drained: [number, Outcome][] = [];
    const dropped: number[] = [];
    let status = '';
    let up: number | undefined;
    const link = openLink<Row>(
      {
        async write(members) {
          peer.tries++;
          await turn();
          if (!peer.up) throw outage;
          if (members.some(({ n }) => n === peer.choke)) throw new TypeError('choked');
          peer.writes.push(numbersOf(members));
          return members.map(({ n }): Outcome => {
            if (n < 0) return { rejected: `${n} is negative` };
            if (peer.stored.includes(n)) return 'duplicate';
            peer.stored.push(n);
            return 'stored';
          });
        },
        close: async () => {},
      },
      {
        target: 'peer',
        policy,
        clock,
        random: () => 1,
        after(ms, run) {
          // The grace of a close never runs out here.
          if (ms === GRACE_MS) return () => {};
          const immediate = setImmediate(() => {
            clock.advance(ms);
            run();
          });
          return () => clearImmediate(immediate);
        },
        host: {
          status: (fill, text) => {
            status = `${fill} ${text}`;
          },
          count(name, by = 1, labels = {}) {
            const key = [name, ...Object.values(labels)].join(' ');
            counts[key] = (counts[key] ?? 0) + by;
          },
          gauge(name, value) {
            if (name === 'fieldline_peer_up') up = value;
          },
          log: (level, text) => log.push(`${level} ${text}`),
        },
        async onDrained(members, outcomes) {
          for (const [at, { n }] of members.entries()) drained.push([n, outcomes[at]!]);
        },
        onDropped: members => dropped.push(...numbersOf(members)),
        ...options,
      },
    );
    links.push(link);
    return { link, peer, counts, log, drained, dropped, clock, status: () => status, up: () => up };
  }
  /** What lies in the file once its link is closed. */
  async function lying(): Promise<number[]> {
    const outbox = await openOutbox<Row>(file);
    const found: number[] = [];
    for (;;) {
      const batches = await outbox.next(1000);
      if (batches.length === 0) break;
      found.push(...batches.flatMap(batch => numbersOf(batch.rows)));
    }
    await outbox.close();
    return found;
  }

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
        const { link, up, status, clock, peer } = bench(kind === 'disk' ? disk() : { kind }, { ask });
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
        await new Promise(resolve => setTimeout(resolve, 1100));
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
      const { link, up, peer, clock, log } = bench({ kind: 'drop' }, { ask: async () => asked++ });
      await until(() => up() === 1);
      peer.up = false;
      assert.deepEqual(await link.submit(rows(0, 1)), ['dropped']);
      await until(() => up() === 0);
      clock.advance(60_000);
      await new Promise(resolve => setTimeout(resolve, 1100));
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

  describe('disk', () => {
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

    for (const kind of ['memory', 'drop'] as const)
      it(`sends first what lies there where the policy is ${kind} by now, and keeps nothing more then`, async () => {
        const before = bench(disk());
        before.peer.up = false;
        await before.link.submit(rows(0, 30));
        await before.link.close(0);
        const { link, peer, drained, status } = bench({ kind, left: disk() as DiskPolicy });
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
      const { link, peer } = bench({ kind: 'drop', left: disk() as DiskPolicy });
      peer.up = false;
      assert.deepEqual(await link.submit(rows(1, 1)), ['dropped']);
      assert.deepEqual(await lying(), []);
    });

    it('makes no file where the policy was never disk', async () => {
      const { link, peer } = bench({ kind: 'drop', left: disk() as DiskPolicy });
      peer.up = false;
      assert.deepEqual(await link.submit(rows(0, 1)), ['dropped']);
      assert.equal(existsSync(file), false);
    });

    for (const removed of [true, false])
      it(`says what stays on the disk where its node is ${removed ? 'removed' : 'deployed anew'}: ${removed}`, async () => {
        const { link, peer, log } = bench(disk());
        peer.up = false;
        await link.submit(rows(0, 30));
        await link.close(0, removed);
        const said = log.filter(line => line.includes(`30 rows stay in ${file}: they are sent when a node of this id`));
        assert.equal(said.length, removed ? 1 : 0);
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
      mkdirSync(join(folder, 'outbox'));
      const other = await openOutbox<Row>(file);
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

    describe('when the outbox is full', () => {
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
  });
});
