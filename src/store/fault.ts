// Database errors as faults: is this row wrong, or is the database away (or not as it should be), so that waiting helps?
import { Fault, reasonOf } from '../kernel/fault.ts';

/**
 * SQLSTATE classes that speak about the row: 21 two rows of a batch that are one to the table, 22 data exception, 23 constraint, 54 limit (index entry too long, JSON too
 * deep), P0 raised by a trigger. Everything else, a missing table too, can be mended without touching the row.
 */
const DATA = new Set(['21', '22', '23', '54', 'P0']);
/** configuration_limit_exceeded: TimescaleDB decompresses for so many rows of a statement, no more. */
const TOO_MANY = '53400';
/** Places in PostgreSQL that speak of the row before them, whatever SQLSTATE is told: row security and the check of a view, RAISE, a CASE that meets nothing. */
const GUARDS = new Set(['ExecWithCheckOptions', 'exec_stmt_raise', 'exec_stmt_case']);
/** Classes by which a guard asks to come again: connection, read-only, retry, resources, state, operator. */
const LATER = new Set(['08', '25', '40', '53', '55', '57']);

/** Hints for errors that an administrator has to mend; the writer keeps trying meanwhile. */
const HINTS: Readonly<Record<string, string>> = {
  '25006': 'the database is read-only',
  '28000': 'pg_hba.conf of the server refuses it; where it asks for encryption, add ?sslmode=require to the address',
  '28P01': 'user or password is refused',
  '3D000': 'this database does not exist',
  '40P01': 'two writers waited for each other; it is tried again',
  '42501': 'this user lacks the right',
  '42P01': 'a table is missing: run the migrations',
  '42883': 'a function is missing: run the migrations',
  '42P10': 'a unique index is missing: run the migrations, or make it anew',
  '42703': 'a column is missing: run the migrations',
  '42804': 'a column has another type than Fieldline has made: change it back',
  '53100': 'the disk of the database is full',
  '53300': 'the database has no connection left',
  '55P03': 'a table is locked by somebody else',
  '57014': 'a table is locked by somebody else, or the database is slow',
};

/** A Fault of kind `data` or `outage` for anything that pg rejected with. */
export function databaseFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const state = stateOf(error);
  const text = textOf(error);
  // A statement longer than a string can be: in parts it fits.
  if (error instanceof RangeError) return new Fault('FIELDLINE_ROW', text, { kind: 'data', cause: error });
  if (state !== undefined && isOfRow(state, error))
    return new Fault('FIELDLINE_ROW', `${text} (SQLSTATE ${state})`, { kind: 'data', cause: error });
  const hint = state === undefined ? undefined : HINTS[state];
  const detail = [text, hint, state && `SQLSTATE ${state}`].filter(part => part !== undefined).join('; ');
  return new Fault('FIELDLINE_DATABASE', `database: ${detail}`, { kind: 'outage', cause: error });
}

/** The same, but that a statement was ended after its time limit is a fault of the statement. */
export function overtimeFault(error: unknown, limitMs: number): Fault {
  return stateOf(error) === '57014'
    ? new Fault('FIELDLINE_ROW', `database: it takes longer than ${limitMs / 1000} s (SQLSTATE 57014)`, {
        cause: error,
      })
    : databaseFault(error);
}

const INSERTS = /INSERT INTO (\S+)(?: AS \w+)? \(([^)]*)\)/g;

/**
 * An outage where the row was refused for want of a value that no row brings: somebody has added a column without default.
 * `sql`: what was refused. Any other fault as it is, that of a table which a trigger writes to, too.
 */
export function unfilledFault(fault: Fault, sql: string): Fault {
  const { code, table, column, where } = (fault.cause ?? {}) as Readonly<Record<string, string | undefined>>;
  if (code !== '23502' || table === undefined || column === undefined || where !== undefined) return fault;
  const inserts = [...sql.matchAll(INSERTS)].map(([, name = '', columns = '']) => ({
    name,
    filled: columns.split(/,\s*/).map(one => one.replaceAll('"', '')),
  }));
  // The name of a partition begins with that of its table; that of a chunk tells nothing.
  const into = inserts.filter(({ name }) => table.startsWith(name));
  const lists = into.length > 0 ? into : inserts;
  if (lists.length === 0 || lists.some(({ filled }) => filled.includes(column))) return fault;
  const mend = 'give it one, or drop NOT NULL';
  return new Fault(
    'FIELDLINE_TABLE',
    `table ${into[0]?.name ?? table}: column ${column}: expected a default, since nothing fills it; ${mend}`,
    { kind: 'outage', cause: fault.cause },
  );
}

function isOfRow(state: string, error: unknown): boolean {
  const classOf = state.slice(0, 2);
  const { routine } = error as { routine?: string };
  return DATA.has(classOf) || state === TOO_MANY || (GUARDS.has(routine ?? '') && !LATER.has(classOf));
}

function stateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code) ? code : undefined;
}

function textOf(error: unknown): string {
  // A host name with several addresses fails with one error per address and no text of its own.
  if (error instanceof AggregateError && error.message === '')
    return [...new Set(error.errors.map(reasonOf))].join(', ');
  return reasonOf(error);
}
