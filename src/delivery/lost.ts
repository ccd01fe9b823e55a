// What a damaged outbox has lost, in the ledger. Which messages those rows came from is lost with them: it is known as soon as no outbox holds anything.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { leaveOutbox, ledgerLines } from '../kernel/ledger.ts';
import { count } from '../kernel/metrics.ts';
import { held } from './held.ts';

type Watched = { file: string /** Undefined while that is not known. */; rows(): number | undefined };

const watched = new Set<Watched>();
/** A message is told of before its outbox forgets it; of many that were too old, shortly after. */
const QUIET_MS = 2000;
let emptySince: number | undefined;

/** Takes the outbox of a link into account. Returns the end of that: what lies in the file then is not known. */
export function watchOutbox(one: Watched): () => void {
  watched.add(one);
  return () => watched.delete(one);
}

/** An outbox has named a loss. */
export function noteDamage(): void {
  held.noteDamage();
}

/**
 * To be called now and then, with a file of the folder of all outboxes and the steady time. After a damage, and once
 * nothing lies in any of them, a message that is still counted in one can only be lost: it leaves the ledger as dropped.
 * Returns how many there were.
 */
export function bookLost(file: string, steadyMs: number): number {
  if (!held.isDamaged || !areEmpty(path.dirname(file))) {
    emptySince = undefined;
    return 0;
  }
  emptySince ??= steadyMs;
  if (steadyMs - emptySince < QUIET_MS) return 0;
  emptySince = undefined;
  const names = new Map(ledgerLines().map(({ source, name }) => [source, name]));
  const lost = held.takeLost();
  for (const { entry, source, by } of lost) {
    leaveOutbox(entry, 'dropped', by);
    count('fieldline_dropped_total', 1, { node: source, name: names.get(source) ?? '', reason: 'lost with an outbox' });
  }
  return lost.length;
}

/** False also where one of them belongs to no link just now, or cannot be looked into. */
function areEmpty(folder: string): boolean {
  const known = new Map([...watched].map(one => [one.file, one]));
  try {
    return readdirSync(folder).every(
      name => !name.endsWith('.outbox') || known.get(path.join(folder, name))?.rows() === 0,
    );
  } catch {
    return false;
  }
}
