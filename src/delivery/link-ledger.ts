// A link in the ledger: which messages its rows came from, and where each of them has ended.
import { fateOf, type Fate as Word, type Hold, leaveOutbox, noteFate } from '../kernel/ledger.ts';
import type { Outcome } from '../reading/contracts.ts';
import type { Fate } from './carrier.ts';
import { ledgerIn } from './ledger-file.ts';

/** What the link has answered for rows on their way through the flow, and what became of those from its outbox. */
export type LinkLedger<Row> = {
  noted(rows: readonly Row[], fates: readonly Fate[]): void;
  /** On the disk when it resolves: the outbox may forget them. */
  drained(rows: readonly Row[], outcomes: readonly Outcome[]): Promise<void>;
  /** The same of those that it has dropped. */
  dropped(rows: readonly Row[]): Promise<void>;
  /** An outbox has lost rows: on the disk when it resolves. */
  lost(): Promise<void>;
};
type Left = Exclude<Word, Hold>;
type EntriesOf<Row> = (row: Row) => readonly string[];

/** A message may give several rows: the strongest word counts. */
const STRENGTH: readonly Left[] = ['archived', 'dropped', 'duplicates', 'deadLetters', 'stored'];

/** `entriesOf`: entries of the messages that a row came from; they travel with it through the outbox. */
export function linkLedger<Row>(directory: string, entriesOf: EntriesOf<Row>): LinkLedger<Row> {
  return ledgerOf(directory, entriesOf, 'outbox', fateOf);
}

/** The link of an archive: what it says of a message counts only where no other node says anything of it. */
export function archiveLedger<Row>(directory: string, entriesOf: EntriesOf<Row>): LinkLedger<Row> {
  return ledgerOf(directory, entriesOf, 'archiving', fate => {
    if (fate === 'kept') return 'archiving';
    return fate === 'stored' || fate === 'duplicate' ? 'archived' : fateOf(fate);
  });
}

function ledgerOf<Row>(
  directory: string,
  entriesOf: EntriesOf<Row>,
  hold: Hold,
  wordOf: (fate: Fate) => Word,
): LinkLedger<Row> {
  const ledger = ledgerIn(directory);

  function leave(rows: readonly Row[], fates: readonly Fate[]): void {
    const ends = new Map<string, Left>();
    for (const [at, row] of rows.entries()) {
      const end = wordOf(fates[at] ?? 'dropped') as Left;
      for (const entry of entriesOf(row)) {
        const before = ends.get(entry);
        if (before === undefined || STRENGTH.indexOf(end) > STRENGTH.indexOf(before)) ends.set(entry, end);
      }
    }
    for (const [entry, end] of ends) leaveOutbox(entry, end, hold);
  }

  return {
    noted(rows, fates) {
      for (const [at, row] of rows.entries()) {
        const fate = fates[at]!;
        const reason = typeof fate === 'object' ? fate.rejected : undefined;
        for (const entry of entriesOf(row)) noteFate(entry, wordOf(fate), reason);
      }
    },
    async drained(rows, outcomes) {
      leave(rows, outcomes);
      await ledger.commit();
    },
    async dropped(rows) {
      leave(rows, []);
      await ledger.commit();
    },
    lost: ledger.commit,
  };
}
