// Faults that look like those of the database but are brought about by single rows: a guard that the operator has put on a table.
import { Fault } from '../kernel/fault.ts';
import type { Sink } from '../reading/contracts.ts';

/** Places in PostgreSQL that speak of the row before them, whatever SQLSTATE is told: row security and the check of a view, RAISE, a CASE that meets nothing. */
const GUARDS = new Set(['ExecWithCheckOptions', 'exec_stmt_raise', 'exec_stmt_case']);
/** Classes by which a guard asks to come again: connection, read-only, retry, resources, state, operator. */
const LATER = new Set(['08', '25', '40', '53', '55', '57']);
/** configuration_limit_exceeded: TimescaleDB decompresses for so many rows of a statement, no more. */
const TOO_MANY = '53400';

/** The same sink, whose faults of single rows are of kind data, so that the others of their batch land without them. */
export function rowFaults<Row>(sink: Sink<Row>): Sink<Row> {
  return {
    write: rows => sink.write(rows).catch((error: unknown) => Promise.reject(ofRow(error) ?? error)),
    close: () => sink.close(),
  };
}

function ofRow(error: unknown): Fault | undefined {
  if (!(error instanceof Fault)) return undefined;
  const { code = '', routine = '', message } = (error.cause ?? {}) as Partial<Record<string, string>>;
  const isGuard = GUARDS.has(routine) && !LATER.has(code.slice(0, 2));
  if (!isGuard && code !== TOO_MANY) return undefined;
  return new Fault('FIELDLINE_ROW', `${message} (SQLSTATE ${code})`, { cause: error });
}
