// Rows that a peer has refused for good: into the dead letters on disk, each with its bytes, source, reason and attempts.
import type { Outcome } from '../../reading/contracts.ts';
import type { Raw } from '../../reading/raw.ts';
import { letterBox } from './box.ts';
import { lettersFolder } from './mover.ts';

export type Refusals<Row> = {
  /** Keeps those that were refused; on the disk when it resolves. Rejects with a Fault of kind outage. */
  keep(rows: readonly Row[], fates: readonly (Outcome | 'kept' | 'dropped')[]): Promise<void>;
  close(): Promise<void>;
};

/** `directory`: of the gateway's data. */
type Link = { id: string; name: string; directory: string };

/** Of an outgoing link. Its folder is opened with the first refusal. */
export function refusals<Row>(link: Link, rawOf: (row: Row) => Raw): Refusals<Row> {
  const box = letterBox(lettersFolder(link.directory, link.id));
  return {
    async keep(rows, fates) {
      const letters = rows.flatMap((row, at) => {
        const fate = fates[at];
        return typeof fate === 'object' ? [{ raw: rawOf(row), reason: fate.rejected }] : [];
      });
      await Promise.all(letters.map(({ raw, reason }) => box.append(raw, reason, 1, link.name)));
    },
    close: box.close,
  };
}

/** Entry of a row that is made of one message; what several were joined to is a letter of its own. */
export function onlyOne(entries: readonly string[] = []): string | undefined {
  return entries.length === 1 ? entries[0] : undefined;
}
