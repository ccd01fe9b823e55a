// Messages whose rows a damaged outbox has lost: they leave the ledger as dropped, once nothing lies in any outbox, and not before.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { overwrite, rubbish } from '../../test/support/overwrite.ts';
import { until } from '../../test/support/until.ts';
import { Fault } from '../kernel/fault.ts';
import { difference, ledgerLines, openAccount } from '../kernel/ledger.ts';
import { ledgerIn } from './ledger-file.ts';
import { linkLedger } from './link-ledger.ts';
import { type Link, openLink } from './link.ts';
import { bookLost, noteDamage, watchOutbox } from './lost.ts';
import { noise } from './outbox/outbox.fixture.ts';

type Row = { n: number; entries: readonly string[]; pad: string };
let made = 0;

describe('messages lost with an outbox', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lost-'));
    mkdirSync(join(folder, 'outbox'));
    file = join(folder, 'outbox', 'n.outbox');
  });
  afterEach(async () => {
    await ledgerIn(folder).close();
    rmSync(folder, { recursive: true });
  });
  const isNoted = (): boolean =>
    [0, 1].some(slot => {
      const page = join(folder, `ledger-${slot}.json`);
      return existsSync(page) && /"damaged":true/.test(readFileSync(page, 'utf8'));
    });
  function source() {
    const id = `lost-${made++}`;
    const account = openAccount(id, id);
    return { id, account, line: () => ledgerLines().find(one => one.source === id)! };
  }

  it('are dropped by name: what is saved and what is lost make up all that came in', async () => {
    const { account, line } = source();
    const ledger = linkLedger<Row>(folder, ({ entries }) => entries);
    const stored: number[] = [];
    const log: string[] = [];
    let lostRows = 0;
    const noted: boolean[] = [];
    let up = false;
    const open = (): Link<Row> =>
      openLink<Row>(
        {
          async write(rows) {
            if (!up) throw new Fault('FIELDLINE_DATABASE', 'peer: away', { kind: 'outage' });
            stored.push(...rows.map(({ n }) => n));
            return rows.map(() => 'stored');
          },
          async close() {},
        },
        {
          target: 'peer',
          policy: { kind: 'disk', file, maxBytes: 1e9, maxAgeMs: Infinity, full: 'block' },
          host: {
            status() {},
            gauge() {},
            count(name, by = 1) {
              if (name === 'fieldline_outbox_lost_total') lostRows += by;
            },
            log: (_, text) => log.push(text),
          },
          onDrained: ledger.drained,
          onDropped: ledger.dropped,
          async onLost() {
            await ledger.lost();
            noted.push(isNoted());
          },
        },
      );
    const first = open();
    for (let n = 0; n < 60; n++) {
      const entry = account.enter()!;
      const rows = [{ n, entries: [entry], pad: noise(2000) }];
      ledger.noted(rows, await first.submit(rows));
      account.leave(entry);
    }
    await first.close(0);
    assert.equal(line().outbox, 60);
    overwrite(file, (statSync(file).size >> 13) * 4096, rubbish(16_384));
    up = true;
    const second = open();
    await until(() => line().outbox === 0);
    await second.close(0);
    assert.ok(lostRows > 0 && lostRows < 60, `${lostRows} lost`);
    assert.deepEqual(
      [line().stored, line().dropped, stored.length, difference(line())],
      [60 - lostRows, lostRows, 60 - lostRows, 0],
    );
    assert.deepEqual(new Set(noted), new Set([true]), 'on the disk before the outbox forgets it');
    assert.match(log.join('\n'), /^\d+ messages? lost with a damaged outbox/m);
  });

  it('are remembered as lost at once, though no other message comes: a kill must not leave them in flight', async () => {
    const { account, line } = source();
    const ledger = linkLedger<Row>(folder, ({ entries }) => entries);
    const entry = account.enter()!;
    ledger.noted([{ n: 0, entries: [entry], pad: '' }], ['kept']);
    account.leave(entry);
    await ledgerIn(folder).commit();
    noteDamage();
    await until(isNoted);
    writeFileSync(file, '');
    const unwatch = watchOutbox({ file, rows: () => 0 });
    bookLost(file, 0);
    bookLost(file, 60_000);
    unwatch();
    assert.deepEqual([line().outbox, line().dropped], [0, 1]);
  });

  it('are waited for while anything may lie in another outbox', () => {
    const { account, line } = source();
    const ledger = linkLedger<Row>(folder, ({ entries }) => entries);
    const entry = account.enter()!;
    ledger.noted([{ n: 0, entries: [entry], pad: '' }], ['kept']);
    account.leave(entry);
    let now = 0;
    const book = () => {
      bookLost(file, now);
      now += 60_000;
      return bookLost(file, now);
    };
    writeFileSync(file, '');
    let rows: number | undefined = 0;
    const unwatch = watchOutbox({ file, rows: () => rows });
    assert.equal(book(), 0, 'nothing was damaged');
    noteDamage();
    for (const open of [undefined, 1]) {
      rows = open;
      assert.equal(book(), 0, `${open} rows lie there`);
    }
    rows = 0;
    writeFileSync(join(folder, 'outbox', 'disabled.outbox'), '');
    assert.equal(book(), 0, 'a node that is disabled has one');
    rmSync(join(folder, 'outbox', 'disabled.outbox'));
    assert.equal(line().outbox, 1);
    assert.ok(book() >= 1);
    assert.deepEqual([line().outbox, line().dropped, difference(line())], [0, 1, 0]);
    assert.equal(book(), 0);
    unwatch();
  });
});
