// A link in the ledger: through its outbox, over a restart, with several rows of a message and several messages in a row.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { difference, ledgerLines, openAccount } from '../kernel/ledger.ts';
import { ledgerIn } from './ledger-file.ts';
import { archiveLedger, type LinkLedger, linkLedger } from './link-ledger.ts';

type Row = { entries: readonly string[] };
let made = 0;

describe('link in the ledger', () => {
  let folder: string;
  let ledger: LinkLedger<Row>;
  let archive: LinkLedger<Row>;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'fieldline-link-ledger-'));
    ledger = linkLedger<Row>(folder, ({ entries }) => entries);
    archive = archiveLedger<Row>(folder, ({ entries }) => entries);
  });
  after(async () => {
    await ledgerIn(folder).close();
    rmSync(folder, { recursive: true });
  });

  /** A source of its own, and a way to see its line: stored, duplicates, deadLetters, dropped, outbox. */
  function source() {
    const id = `link-ledger-${made++}`;
    const account = openAccount(id, id);
    const seen = () => {
      const line = ledgerLines().find(({ source }) => source === id)!;
      assert.equal(difference(line), 0);
      return [line.stored, line.duplicates, line.deadLetters, line.dropped, line.outbox];
    };
    return { enter: () => account.enter()!, leave: account.leave, seen };
  }

  it('counts what arrives, is refused, is dropped', () => {
    const { enter, leave, seen } = source();
    const entries = [enter(), enter(), enter()];
    ledger.noted(
      entries.map(entry => ({ entries: [entry] })),
      ['stored', { rejected: 'why' }, 'dropped'],
    );
    for (const entry of entries) leave(entry);
    assert.deepEqual(seen(), [1, 0, 1, 1, 0]);
  });

  it('counts what lies in the outbox as in flight, and where it ends afterwards', async () => {
    const { enter, leave, seen } = source();
    const entries = [enter(), enter(), enter(), enter()];
    const rows = entries.map(entry => ({ entries: [entry] }));
    ledger.noted(rows, ['kept', 'kept', 'kept', 'kept']);
    for (const entry of entries) leave(entry);
    assert.deepEqual(seen(), [0, 0, 0, 0, 4]);
    await ledger.drained(rows.slice(0, 2), ['stored', { rejected: 'why' }]);
    ledger.dropped(rows.slice(2, 3));
    assert.deepEqual(seen(), [1, 0, 1, 1, 1]);
    await ledger.drained(rows.slice(3), ['duplicate']);
    assert.deepEqual(seen(), [1, 1, 1, 1, 0]);
  });

  it('takes what leaves the outbox before its message has settled for what it became there', async () => {
    const { enter, leave, seen } = source();
    const entry = enter();
    ledger.noted([{ entries: [entry] }], ['kept']);
    await ledger.drained([{ entries: [entry] }], ['stored']);
    leave(entry);
    assert.deepEqual(seen(), [1, 0, 0, 0, 0]);
  });

  it('counts what only the archive keeps, and has on the disk, as in flight until it is in the table', async () => {
    const { enter, leave, seen } = source();
    const entries = [enter(), enter(), enter(), enter(), enter()];
    const rows = entries.map(entry => ({ entries: [entry] }));
    archive.noted(rows, ['stored', 'kept', 'kept', 'kept', 'kept']);
    for (const entry of entries) leave(entry);
    assert.deepEqual(seen(), [1, 0, 0, 0, 4]);
    await archive.drained(rows.slice(1, 4), ['stored', 'duplicate', { rejected: 'why' }]);
    assert.deepEqual(seen(), [3, 0, 1, 0, 1]);
    archive.dropped(rows.slice(4));
    assert.deepEqual(seen(), [3, 0, 1, 1, 0]);
  });

  it('lets the archive say nothing of a message that another link keeps', async () => {
    const { enter, leave, seen } = source();
    const [a, b, c] = [enter(), enter(), enter()];
    const rows = [a, b, c].map(entry => ({ entries: [entry] }));
    archive.noted(rows, ['kept', 'kept', 'kept']);
    ledger.noted(rows.slice(0, 2), ['kept', 'duplicate']);
    await archive.drained(rows.slice(2), ['stored']);
    for (const entry of [a, b, c]) leave(entry);
    assert.deepEqual(seen(), [1, 1, 0, 0, 1]);
    await archive.drained(rows, ['stored', 'stored', 'stored']);
    assert.deepEqual(seen(), [1, 1, 0, 0, 1]);
    await ledger.drained(rows.slice(0, 1), [{ rejected: 'why' }]);
    assert.deepEqual(seen(), [1, 1, 1, 0, 0]);
  });

  it('counts a message that lies in two outboxes when the first has sent it, and no other for it', async () => {
    const { enter, leave, seen } = source();
    const rows = [enter(), enter()].map(entry => ({ entries: [entry] }));
    for (let link = 0; link < 2; link++) ledger.noted(rows, ['kept', 'kept']);
    for (const { entries } of rows) leave(entries[0]);
    for (let link = 0; link < 2; link++) {
      await ledger.drained(rows.slice(0, 1), ['stored']);
      assert.deepEqual(seen(), [1, 0, 0, 0, 1]);
    }
  });

  it('counts a message once, however many rows it gives, and each of several in one row', async () => {
    const { enter, leave, seen } = source();
    const [a, b] = [enter(), enter()];
    const rows = [{ entries: [a] }, { entries: [a] }, { entries: [a, b] }, { entries: [] }];
    ledger.noted(rows, ['kept', 'stored', 'kept', 'kept']);
    leave(a);
    leave(b);
    assert.deepEqual(seen(), [0, 0, 0, 0, 2]);
    await ledger.drained(rows, [{ rejected: 'why' }, 'duplicate', 'stored', 'stored']);
    assert.deepEqual(seen(), [2, 0, 0, 0, 0]);
    // Told again after a crash.
    await ledger.drained(rows, ['stored', 'stored', 'stored', 'stored']);
    assert.deepEqual(seen(), [2, 0, 0, 0, 0]);
  });
});
