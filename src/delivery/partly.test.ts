// A batch of which a part has arrived before the outage: that part is neither sent again nor counted as anything else.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../test/support/until.ts';
import { Fault } from '../kernel/fault.ts';
import { type Link, type LinkPolicy, openLink } from './link.ts';
import { numbers } from './outbox/outbox.fixture.ts';

type Row = { n: number };

describe('link: a part of a batch arrives before the outage', () => {
  let folder: string;
  let link: Link<Row> | undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'partly-'));
  });
  afterEach(async () => {
    await link?.close(0);
    rmSync(folder, { recursive: true, force: true });
  });

  const disk = (): LinkPolicy => ({
    ...{ kind: 'disk', file: join(folder, 'x.outbox'), full: 'block' },
    ...{ maxBytes: 1e9, maxAgeMs: Infinity },
  });
  /** What becomes of ten rows of which four arrive at first; `heard` by the peer in the end. */
  const policies: readonly [kind: LinkPolicy['kind'], rest: string, heard: number, counts: Record<string, number>][] = [
    ['disk', 'kept', 10, { fieldline_stored_total: 10, fieldline_kept_total: 6 }],
    ['memory', 'stored', 10, { fieldline_stored_total: 10 }],
    ['drop', 'dropped', 4, { fieldline_stored_total: 4, fieldline_dropped_total: 6 }],
  ];
  for (const [kind, rest, most, expected] of policies)
    it(kind, async () => {
      const heard: number[] = [];
      const arrived = new WeakSet<Row>();
      let left = 4;
      const counts: Record<string, number> = {};
      link = openLink<Row>(
        {
          async write(rows) {
            for (const row of rows.filter(one => !arrived.has(one))) {
              if (left-- === 0) throw new Fault('FIELDLINE_HTTP', 'peer: away', { kind: 'outage' });
              heard.push(row.n);
              arrived.add(row);
            }
            return rows.map(() => 'stored');
          },
          arrived: row => arrived.has(row),
          async close() {},
        },
        {
          ...{ target: 'peer', policy: kind === 'disk' ? disk() : { kind } },
          host: {
            count(name, by = 1) {
              counts[name] = (counts[name] ?? 0) + by;
            },
            ...{ status() {}, gauge() {}, log() {} },
          },
        },
      );
      const fates = await link.submit(numbers(0, 10).map(n => ({ n })));
      assert.deepEqual(fates, [...Array(4).fill('stored'), ...Array(6).fill(rest)]);
      await until(
        () => heard.length >= most && counts['fieldline_stored_total'] === expected['fieldline_stored_total'],
      );
      assert.deepEqual(heard, numbers(0, most));
      assert.deepEqual(counts, expected);
    });
});
