// A link in the ledger: which messages its rows came from, and where each of them has ended.
import { type End, fateOf, leaveOutbox, noteOutcome } from '../kernel/ledger.ts';
import type { Outcome } from '../reading/contracts.ts';
import type { Fate } from './carrier.ts';
import { ledgerIn } from './ledger-file.ts';

/** What the link has answered for rows on their way through the flow, and what became of those from its outbox. */
export type LinkLedger<Row> = {
  noted(rows: readonly Row[], fates: readonly Fate[]): void;
  /** On the disk when it resolves: the outbox may forget them. */
  drained(rows: readonly Row[], outcomes: readonly Outcome[]): Promise<void>;
  dropped(rows: readonly Row[]): void;
};
type Left = Exclude<End, 'outbox'>;

/** A message may give several rows: the strongest word counts. */
const STRENGTH: readonly Left[] = ['dropped', 'duplicates', 'deadLetters', 'stored'];

/** `entriesOf`: entries of the messages that a row came from; they travel with it through the outbox. */
export function linkLedger<Row>(directory: string, entriesOf: (row: Row) => readonly string[]): LinkLedger<Row> {
  const ledger = ledgerIn(directory);

  function leave(rows: readonly Row[], fates: readonly Fate[]): void {
    const ends = new Map<string, Left>();
    for (const [at, row] of rows.entries()) {
      const end = fateOf(fates[at] ?? 'dropped') as Left;
      for (const entry of entriesOf(row)) {
        const before = ends.get(entry);
        if (before === undefined || STRENGTH.indexOf(end) > STRENGTH.indexOf(before)) ends.set(entry, end);
      }
    }
    for (const [entry, end] of ends) leaveOutbox(entry, end);
  }

  return {
    noted(rows, fates) {
      for (const [at, row] of rows.entries()) for (const entry of entriesOf(row)) noteOutcome(entry, fates[at]!);
    },
    async drained(rows, outcomes) {
      leave(rows, outcomes);
      await ledger.commit();
    },
    dropped: rows => leave(rows, []),
  };
}
