// fieldline doctor: what of this machine and configuration works, and what to do about the rest; --ledger: does every message add up?
import { type Environment, nodesFolder, readEnvironment, rootFolder } from '../gateway/environment.ts';
import { readLedger } from '../src/delivery/ledger-file.ts';
import { Fault } from '../src/kernel/fault.ts';
import { cameIn, difference, inFlight, type Line } from '../src/kernel/ledger.ts';
import { type Finding, findings } from './doctor-checks.ts';
import type { Io } from './io.ts';
import { subcommand } from './subcommand.ts';

const USAGE = `Usage: fieldline doctor [--ledger]

Looks at this machine with the environment of the gateway (FIELDLINE_DIR, PORT, DATABASE_URL …) and changes nothing.
Exit code 1 when something does not work.

  --ledger   for each source: in = stored + duplicates + dead letters + dropped + in flight;
             exit code 1 when one does not balance`;

const options = { ledger: { type: 'boolean' } } as const;

/** Exit code: 0 all works, 1 something does not, 2 wrong use. */
export const run = subcommand({ name: 'doctor', text: USAGE, options }, async ({ values }, io) => {
  let environment: Environment;
  try {
    environment = readEnvironment(io.env, rootFolder());
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    tell({ part: 'settings', state: 'fails', detail: error.message, next: error.nextStep }, io);
    return 1;
  }
  if (values.ledger) return ledger(environment.directory, io);
  let failed = 0;
  for await (const finding of findings(environment)) {
    tell(finding, io);
    if (finding.state === 'fails') failed++;
  }
  io.stdout(failed === 0 ? 'Everything that is needed works.' : `${failed} of these must be put right.`);
  return failed === 0 ? 0 : 1;
});

function tell({ part, state, detail, next }: Finding, io: Io): void {
  io.stdout(`${state.padEnd(6)} ${part.padEnd(15)} ${detail}`);
  if (next !== undefined) io.stdout(`${' '.repeat(23)}→ ${next}`);
}

function ledger(directory: string, io: Io): number {
  const kept = readLedger(nodesFolder(directory));
  if (kept === undefined) {
    io.stdout('No message was counted yet.');
    return 0;
  }
  const widths = [28, 12, 12, 12, 13, 10, 10, 12];
  const row = (cells: readonly unknown[]): string =>
    cells
      .map((cell, at) => (at === 0 ? String(cell).padEnd(widths[at]!) : String(cell).padStart(widths[at]!)))
      .join('');
  io.stdout(row(['source', 'in', 'stored', 'duplicates', 'dead letters', 'dropped', 'in flight', 'difference']));
  for (const line of kept.lines) io.stdout(row(cellsOf(line)));
  const wrong = kept.lines.filter(line => difference(line) !== 0);
  io.stdout(`As of ${kept.at}; ${wrong.length === 0 ? 'it balances' : `${wrong.length} sources do not balance`}.`);
  return wrong.length === 0 ? 0 : 1;
}

function cellsOf(line: Line): readonly unknown[] {
  const { name, stored, duplicates, deadLetters, dropped } = line;
  return [name, cameIn(line), stored, duplicates, deadLetters, dropped, inFlight(line), difference(line)];
}
