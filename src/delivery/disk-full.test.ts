// A link whose disk is full while its peer was away: what the disk does not take goes to the peer as soon as that is back.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type SmallDisk, mountSmallDisk, whyNoSmallDisk } from '../../bench/durability/small-disk.ts';
import { until } from '../../test/support/until.ts';
import { Fault } from '../kernel/fault.ts';
import { openLink } from './link.ts';
import { noise, numbers } from './outbox/outbox.fixture.ts';

type Row = { n: number; pad: string };
const row = (n: number): Row => ({ n, pad: noise(2000) });
const away = new Fault('FIELDLINE_DATABASE', 'peer: away', { kind: 'outage' });

describe('link on a full disk', () => {
  let disk: SmallDisk;
  before(function () {
    const why = whyNoSmallDisk();
    if (why === undefined) disk = mountSmallDisk(6);
    else {
      console.log(`      skipped, needs a small disk of its own: ${why}`);
      this.skip();
    }
  });
  after(() => disk?.remove());
  afterEach(() => disk.free());

  for (const before of [0, 1, 200])
    it(`${before} rows lie on it: they arrive first, then those that it refuses, while it is still full`, async () => {
      const stored: number[] = [];
      let up = true;
      let status = '';
      const link = openLink<Row>(
        {
          async write(rows) {
            if (!up) throw away;
            stored.push(...rows.map(({ n }) => n));
            return rows.map(() => 'stored');
          },
          async close() {},
        },
        {
          target: 'peer',
          policy: {
            ...{ kind: 'disk', file: join(disk.directory, `${before}.outbox`), full: 'block' },
            ...{ maxBytes: 1e9, maxAgeMs: Infinity },
          },
          host: {
            status(_, text) {
              status = text;
            },
            ...{ count() {}, gauge() {}, log() {} },
          },
        },
      );
      up = false;
      assert.deepEqual(await link.submit([row(0)]), ['kept']);
      up = true;
      await until(() => stored.length > 0);
      up = false;
      const first = numbers(1, before);
      assert.deepEqual(
        await link.submit(first.map(row)),
        first.map(() => 'kept'),
      );
      disk.fill();
      const refused = numbers(before + 1, 300).map(n => link.submit([row(n)]));
      await until(
        () => status.includes('the disk refuses'),
        () => status,
      );
      up = true;
      assert.deepEqual(new Set((await Promise.all(refused)).flat()), new Set(['stored']));
      // What had arrived from the disk may come again: a full disk takes no note of it either.
      assert.deepEqual([...new Set(stored)], numbers(0, before + 301));
      disk.free();
      await link.close();
    });
});
