// The ledger on the disk: on it before an acknowledgement, whole whatever happens to one of its files.
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { cameIn, ledgerLines, noteFate, openAccount } from '../kernel/ledger.ts';
import { metric } from '../kernel/metrics.ts';
import type { Raw } from '../reading/raw.ts';
import { counted } from './counted.ts';
import { ledgerIn, readLedger } from './ledger-file.ts';

const raw = (sequence?: number): Raw => ({
  ...{ topic: 't', bytes: new Uint8Array(), receivedAt: 1, source: 's', protocol: 'mqtt' },
  ...(sequence === undefined ? {} : { sequence }),
});

describe('ledger on the disk', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-ledger-'));
  });
  afterEach(async () => {
    await ledgerIn(folder).close();
    rmSync(folder, { recursive: true, force: true });
  });
  const stored = (source: string) => readLedger(folder)?.lines.find(line => line.source === source)?.stored;

  it('has a message counted before the source hears that it has settled', async () => {
    const file = ledgerIn(folder);
    const settled: [unknown, number | undefined][] = [];
    let deliver: ((one: Raw) => void) | undefined;
    let pass: (() => void) | undefined;
    const source = counted(
      onMessage => {
        deliver = one => onMessage(one, it => settled.push([it, stored('disk 1')]));
        return { pause() {}, resume() {}, async close() {} };
      },
      openAccount('disk 1', 'a'),
      file,
    );
    const handle = source((one, settle) => {
      noteFate(one.entry, 'stored');
      pass = () => settle({ ok: true });
    });
    deliver!(raw());
    pass!();
    assert.deepEqual(settled, []);
    await handle.close();
    assert.deepEqual(settled, [[{ ok: true }, 1]]);
  });

  it('keeps the state before when the last write was cut short or damaged', async () => {
    const file = ledgerIn(folder);
    const account = openAccount('disk 2', 'a');
    for (const sequence of [1, 2]) {
      const entry = account.enter(sequence);
      noteFate(entry, 'stored');
      account.leave(entry);
      await file.commit();
    }
    assert.equal(stored('disk 2'), 2);
    truncateSync(path.join(folder, 'ledger-0.json'), 40);
    assert.equal(stored('disk 2'), 1);
    rmSync(path.join(folder, 'ledger-1.json'));
    appendFileSync(path.join(folder, 'ledger-1.json'), 'no ledger\n{}\n');
    assert.equal(readLedger(folder), undefined);
  });

  it('tells of messages that no node has kept, under their source', () => {
    const told = () => metric('fieldline_dropped_total', { node: 'disk 5', name: 'a', reason: 'kept by no node' });
    const account = ledgerIn(folder).account('disk 5', 'a');
    const [filtered, rejected, kept] = [account.enter(), account.enter(), account.enter()];
    noteFate(rejected, 'dropped');
    noteFate(kept, 'stored');
    for (const entry of [filtered, rejected, kept]) account.leave(entry);
    assert.equal(told(), 1);
    const counter = ledgerIn(folder).counter('disk 5', 'a');
    const heard: { entry?: string }[] = [{}, {}];
    for (const item of heard) counter.enter(item);
    counter.leave(heard[0]!);
    counter.drop(heard[1]!);
    assert.equal(told(), 2);
  });

  it('has written what was asked for when it is closed, and leaves its folder alone then', async () => {
    const file = ledgerIn(folder);
    const account = openAccount('disk 4', 'a');
    account.enter(1);
    await file.commit();
    account.enter(2);
    const asked = file.commit();
    await file.close();
    rmSync(folder, { recursive: true });
    await asked;
    assert.equal(existsSync(folder), false);
  });

  it('is nobody else’s to read, and writes once for all who wait', async () => {
    const file = ledgerIn(folder);
    const account = openAccount('disk 3', 'a');
    account.enter();
    await Promise.all([file.commit(), file.commit(), file.commit()]);
    assert.equal(statSync(path.join(folder, 'ledger-1.json')).mode & 0o777, 0o600);
    assert.equal(cameIn(ledgerLines().find(({ source }) => source === 'disk 3')!), 1);
  });
});
