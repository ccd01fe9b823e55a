// fieldline doctor: what of this machine and configuration works, and what to do about the rest; --ledger: does every message add up?
import { existsSync } from 'node:fs';
import { type Environment, nodesFolder, readEnvironment, rootFolder } from '../gateway/environment.ts';
import { hasLedger, readLedger } from '../src/delivery/ledger-file.ts';
import { expected, Fault } from '../src/kernel/fault.ts';
import { type LedgerRow, ledgerRows } from '../src/reading/ledger-row.ts';
import { quantity } from '../src/reading/quantity.ts';
import { type Finding, findings } from './doctor-checks.ts';
import type { Io } from './io.ts';
import { subcommand } from './subcommand.ts';

const USAGE = `Usage: fieldline doctor [--ledger] [--json]

Looks at this machine with the environment of the gateway (FIELDLINE_DIR, PORT, DATABASE_URL …) and changes nothing.
Exit code 1 when something does not work.

  --ledger   for each source: in = stored + duplicates + dead letters + dropped + in flight;
             exit code 1 when one does not balance
  --json     the same as JSON`;

const options = { ledger: { type: 'boolean' }, json: { type: 'boolean' } } as const;

/** Exit code: 0 all works, 1 something does not, 2 wrong use. */
export const run = subcommand({ name: 'doctor', text: USAGE, options }, async ({ values }, io) => {
  let environment: Environment;
  try {
    environment = readEnvironment(io.env, rootFolder());
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const wrong: Finding = { part: 'settings', state: 'fails', detail: error.message, next: error.nextStep };
    if (values.json) io.stdout(JSON.stringify({ works: false, findings: [wrong] }));
    else tell(wrong, io);
    return 1;
  }
  if (values.ledger) {
    const { directory } = environment;
    if (!existsSync(directory))
      throw new Fault('FIELDLINE_DIR', expected(directory, 'the data directory of a gateway', undefined));
    return ledger(nodesFolder(directory), values.json === true, io);
  }
  const found: Finding[] = [];
  for await (const finding of findings(environment)) {
    found.push(finding);
    if (!values.json) tell(finding, io);
  }
  const failed = found.filter(({ state }) => state === 'fails').length;
  if (values.json) io.stdout(JSON.stringify({ works: failed === 0, findings: found }));
  else io.stdout(failed === 0 ? 'Everything that is needed works.' : `${failed} of these must be put right.`);
  return failed === 0 ? 0 : 1;
});

function tell({ part, state, detail, next }: Finding, io: Io): void {
  io.stdout(`${state.padEnd(6)} ${part.padEnd(15)} ${detail}`);
  if (next !== undefined) io.stdout(`${' '.repeat(23)}→ ${next}`);
}

const COLUMNS: readonly [keyof LedgerRow, title: string][] = [
  ['source', 'source'],
  ['in', 'in'],
  ['stored', 'stored'],
  ['duplicates', 'duplicates'],
  ['dead_letters', 'dead letters'],
  ['dropped', 'dropped'],
  ['in_flight', 'in flight'],
  ['difference', 'difference'],
];

function ledger(folder: string, asJson: boolean, io: Io): number {
  // A gateway that writes at this moment may have half a page in one file, never in both.
  const kept = readLedger(folder) ?? readLedger(folder);
  const isDamaged = kept === undefined && hasLedger(folder);
  const rows = ledgerRows(kept?.lines ?? []);
  const wrong = rows.filter(({ difference }) => difference !== 0).length;
  const balances = !isDamaged && wrong === 0;
  if (asJson) io.stdout(JSON.stringify({ folder, at: kept?.at, damaged: isDamaged, balances, sources: rows }));
  else if (isDamaged) io.stdout(`${folder}: ledger-0.json and ledger-1.json are damaged, nothing can be told.`);
  else if (rows.length === 0) io.stdout(`No message was counted yet in ${folder}.`);
  else {
    const cells = rows.map(row => COLUMNS.map(([key]) => String(row[key]).replace(/\p{Cc}/gu, ' ')));
    tellTable([COLUMNS.map(([, title]) => title), ...cells], io);
    const verdict = `${wrong} of ${quantity(rows.length, 'source')} ${wrong === 1 ? 'does' : 'do'} not balance`;
    io.stdout(`As of ${kept?.at}; ${balances ? 'it balances' : verdict}.`);
  }
  return balances ? 0 : 1;
}

/** Names to the left, numbers to the right, each column as wide as it needs; a name is no command to the terminal. */
function tellTable(rows: readonly (readonly string[])[], io: Io): void {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map(row => row[at]!.length)));
  for (const row of rows)
    io.stdout(row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join('  '));
}
