// The ledger: one entry and one end for each message, whatever the nodes say of it, over restarts of the source.
import assert from 'node:assert/strict';
import {
  type Account,
  cameIn,
  difference,
  type Fate,
  inFlight,
  ledgerLines,
  leaveOutbox,
  type Line,
  noteFate,
  openAccount,
  restoreLedger,
} from './ledger.ts';

let made = 0;
const fresh = (): string => `ledger test ${made++}`;
const lineOf = (source: string): Line => ledgerLines().find(line => line.source === source)!;
const kept = (more: Partial<Line> & { source: string }): Line => ({
  name: 'kept',
  received: 0,
  returned: 0,
  outbox: 0,
  stored: 0,
  deadLetters: 0,
  duplicates: 0,
  dropped: 0,
  open: 0,
  openSince: undefined,
  upTo: 0,
  beyond: [],
  countedAt: 0,
  ...more,
});
function pass(account: Account, ...fates: Fate[]): void {
  const entry = account.enter();
  for (const fate of fates) noteFate(entry, fate);
  account.leave(entry);
}

describe('ledger', () => {
  const cases: readonly [says: string, fates: Fate[], end: keyof Line][] = [
    ['stored', ['stored'], 'stored'],
    ['stored at first, found again at the second attempt', ['stored', 'duplicates'], 'stored'],
    ['one reading stored, another refused', ['deadLetters', 'stored'], 'stored'],
    ['refused by the table', ['archived', 'deadLetters'], 'deadLetters'],
    ['a copy', ['archived', 'duplicates'], 'duplicates'],
    ['rejected by the decoder', ['archived', 'dropped'], 'dropped'],
    ['archived and nothing else', ['archived'], 'stored'],
    ['in the outbox of the archive and nothing else', ['archiving'], 'outbox'],
    ['in the outbox of the archive, archived at the second attempt', ['archiving', 'archived'], 'stored'],
    ['in the outbox of the archive, rejected by the decoder', ['archiving', 'dropped'], 'dropped'],
    ['in the outbox of the archive, stored in its table', ['archiving', 'stored'], 'stored'],
    ['seen by no node that keeps it', [], 'dropped'],
    ['on the disk for one table, stored in another', ['stored', 'outbox'], 'outbox'],
  ];
  for (const [says, fates, end] of cases)
    it(`counts a message once: ${says}`, () => {
      const source = fresh();
      pass(openAccount(source, 'a'), ...fates);
      const line = lineOf(source);
      assert.deepEqual([line.received, line[end], difference(line)], [1, 1, 0]);
    });

  it('finds what is under way by looking, not by subtraction', () => {
    const source = fresh();
    const account = openAccount(source, 'a', () => 1234);
    const entry = account.enter();
    assert.deepEqual([inFlight(lineOf(source)), lineOf(source).openSince], [1, 1234]);
    account.leave(entry);
    account.leave(entry);
    noteFate(entry, 'stored');
    assert.deepEqual([inFlight(lineOf(source)), lineOf(source).dropped], [0, 1]);
  });

  it('says when it does not balance', () => {
    const source = fresh();
    restoreLedger([kept({ source, received: 10, stored: 8, outbox: 1 })]);
    assert.equal(difference(lineOf(source)), 1);
  });

  it('takes back what a closed source had under way, and counts it when it comes again', () => {
    const source = fresh();
    const first = openAccount(source, 'a');
    const entry = first.enter();
    first.close();
    first.leave(entry);
    pass(openAccount(source, 'a'), 'stored');
    const line = lineOf(source);
    assert.deepEqual([line.received, line.returned, cameIn(line), line.stored, difference(line)], [2, 1, 1, 1, 0]);
  });

  it('follows messages through an outbox, each once', () => {
    const source = fresh();
    const account = openAccount(source, 'a');
    const entries = [account.enter()!, account.enter()!];
    for (const entry of entries) {
      noteFate(entry, 'outbox');
      account.leave(entry);
    }
    assert.equal(inFlight(lineOf(source)), 2);
    leaveOutbox(entries[0]!, 'stored');
    leaveOutbox(entries[1]!, 'deadLetters');
    leaveOutbox(entries[1]!, 'duplicates');
    leaveOutbox('never heard of/1.1', 'stored');
    const { outbox, stored, deadLetters, duplicates } = lineOf(source);
    assert.deepEqual([outbox, stored, deadLetters, duplicates], [0, 1, 1, 0]);
  });

  describe('with numbers of the source', () => {
    it('counts no message twice that comes again after its end', () => {
      const source = fresh();
      const first = openAccount(source, 'a');
      const [one, two, three] = [first.enter(11), first.enter(12), first.enter(14)];
      first.leave(three);
      first.leave(one);
      assert.deepEqual([lineOf(source).upTo, lineOf(source).beyond], [11, [14]]);
      assert.notEqual(two, undefined);
      first.close();
      // The source goes back to what was not acknowledged: 12 had not ended, 11 and 14 had.
      const second = openAccount(source, 'a');
      assert.equal(second.enter(11), undefined);
      assert.equal(second.enter(14), undefined);
      second.leave(second.enter(12));
      second.leave(second.enter(15));
      const line = lineOf(source);
      assert.deepEqual([cameIn(line), line.upTo, line.beyond, difference(line)], [4, 15, [], 0]);
    });

    it('counts what came later under a number that was used before: the numbering has begun anew', () => {
      const source = fresh();
      restoreLedger([kept({ source, received: 9, stored: 9, upTo: 9, countedAt: 1000 })]);
      const account = openAccount(source, 'a');
      assert.equal(account.enter(3, 1000), undefined);
      account.leave(account.enter(1, 1001));
      account.leave(account.enter(2, 1002));
      assert.deepEqual([cameIn(lineOf(source)), lineOf(source).upTo], [11, 2]);
    });

    it('tells where a message ended, and why it was refused', () => {
      const account = openAccount(fresh(), 'a');
      const [one, two, three] = [account.enter(), account.enter(), account.enter()];
      noteFate(one, 'stored');
      noteFate(two, 'deadLetters', 'no such month');
      noteFate(two, 'deadLetters', 'said later');
      assert.deepEqual(account.leave(one), { end: 'stored', reason: undefined });
      assert.deepEqual(account.leave(two), { end: 'deadLetters', reason: 'no such month' });
      assert.deepEqual(account.leave(three), { end: 'dropped', reason: 'kept by no node' });
      assert.equal(account.leave(three), undefined);
    });

    it('gives back what did not settle', () => {
      const source = fresh();
      const account = openAccount(source, 'a');
      const entry = account.enter();
      account.giveBack(entry);
      account.giveBack(entry);
      assert.equal(account.leave(entry), undefined);
      assert.deepEqual([cameIn(lineOf(source)), inFlight(lineOf(source)), difference(lineOf(source))], [0, 0, 0]);
    });

    it('goes on over a restart of the process', () => {
      const source = fresh();
      restoreLedger([kept({ source, received: 5, dropped: 3, open: 2, upTo: 100, beyond: [103] })]);
      const account = openAccount(source, 'a');
      const entered = [100, 101, 102, 103].map(number => account.enter(number));
      assert.deepEqual(
        entered.map(entry => entry !== undefined),
        [false, true, true, false],
      );
      for (const entry of entered) account.leave(entry);
      assert.deepEqual([cameIn(lineOf(source)), lineOf(source).dropped, difference(lineOf(source))], [5, 5, 0]);
    });
  });
});
