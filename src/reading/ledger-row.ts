// The ledger as people and programs read it: in `fieldline doctor`, on the dashboard, in flows.
import { cameIn, difference, inFlight, type Line } from '../kernel/ledger.ts';

export type LedgerRow = {
  /** Name of the node, with its id where several have that name. */
  source: string;
  /** Of the node. */
  id: string;
  in: number;
  stored: number;
  duplicates: number;
  dead_letters: number;
  dropped: number;
  in_flight: number;
  /** 0 where it balances. */
  difference: number;
  state: 'balanced' | 'does not balance';
};

export function ledgerRows(lines: readonly Line[]): readonly LedgerRow[] {
  const namesakes = new Map<string, number>();
  for (const { name } of lines) namesakes.set(name, (namesakes.get(name) ?? 0) + 1);
  return lines.map(line => ({
    source: namesakes.get(line.name) === 1 ? line.name : `${line.name} (${line.source})`,
    id: line.source,
    in: cameIn(line),
    stored: line.stored,
    duplicates: line.duplicates,
    dead_letters: line.deadLetters,
    dropped: line.dropped,
    in_flight: inFlight(line),
    difference: difference(line),
    state: difference(line) === 0 ? 'balanced' : 'does not balance',
  }));
}
