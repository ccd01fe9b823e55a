// Database errors as faults: is this row wrong, or is the database away (or not as it should be), so that waiting helps?
import { Fault, reasonOf } from '../kernel/fault.ts';
import { certificateHints } from '../reading/certificate.ts';
import { codeOf } from '../reading/error-code.ts';
import { conflictsOf } from './inserts.ts';

/**
 * SQLSTATE classes that speak about the row: 21 two rows of a batch with one identity, 22 data exception, 23 constraint,
 * 54 limit (index entry too long, JSON too deep), P0 raised by a trigger. Everything else, a missing table too, can be
 * mended without touching the row.
 */
const DATA = new Set(['21', '22', '23', '54', 'P0']);
/** configuration_limit_exceeded: TimescaleDB decompresses for so many rows of a statement, no more. */
const TOO_MANY = '53400';
/** Internal errors are in English everywhere: this value grew beyond a gigabyte, e.g. an array of 34 million numbers as jsonb. */
const TOO_LARGE = /^invalid memory alloc request size/;
/** query_canceled: it worked longer than it may; one that waited for a lock goes by another code. */
const OVERTIME = '57014';
/** A sequence has come to its end: no row brings that about, and somebody can mend it. */
const NO_MORE_NUMBERS = '2200H';
/** invalid_column_reference: nothing unique is there for ON CONFLICT. */
const NO_INDEX = '42P10';
/** Routines of PostgreSQL whose errors are about the row, whatever their SQLSTATE: the check of a view, RAISE, a CASE without a match. */
const GUARDS = new Set(['ExecWithCheckOptions', 'exec_stmt_raise', 'exec_stmt_case']);
/** By code and routine: what refuses some rows, or all of them where somebody has forgotten something; others tell. */
const UNSURE: Readonly<Record<string, string>> = {
  '23514 ExecFindPartition': 'none of these rows has a partition: make it',
  '42501 ExecWithCheckOptions':
    'row security takes no row of this user: it needs a policy for what is inserted, read and updated there',
};
const unsureOf = (error: unknown): string | undefined =>
  UNSURE[`${codeOf(error)} ${(Object(error) as { routine?: string }).routine}`];
/** Unless such a guard says by its class that it may work later: connection, read-only, retry, resources, state, operator. */
const LATER = new Set(['08', '25', '40', '53', '55', '57']);

/** Besides those: login, database, prepared statement, system; a damaged page, a damaged index. */
const NEVER = new Set(['26', '28', '3D', '58']);
const NEVER_CODES = new Set(['42P05', 'XX001', 'XX002', NO_MORE_NUMBERS]);
/** object_not_in_prerequisite_state: a variable of a trigger that only some rows fill. */
const UNPREPARED = '55000';

const POOLER = 'a pooler has lost what was prepared; from here on nothing is prepared';
const ANEW =
  'in a new database "fieldline migrate" makes it; what was dropped since comes back by its statement in db/migrations';
/** Hints for errors that an administrator has to mend; the writer keeps trying meanwhile. */
const HINTS: Readonly<Record<string, string>> = {
  ...certificateHints({ peer: 'server', trust: 'let &sslrootcert=/path/ca.pem in the address name its issuer' }),
  [NO_MORE_NUMBERS]: 'raise its MAXVALUE, or make it and its column bigint',
  '25006': 'the database is read-only',
  '26000': POOLER,
  '28000': 'pg_hba.conf of the server refuses it; where it asks for encryption, add ?sslmode=require to the address',
  '28P01': 'user or password is refused',
  '3D000': 'this database does not exist',
  '40P01': 'two writers waited for each other; it is tried again',
  '42501': 'this user lacks the right',
  '42P01': `a table is missing: look at the search_path of this user; ${ANEW}`,
  '42883': `a function is missing; ${ANEW}`,
  '42P05': POOLER,
  '42703': `a column is missing; ${ANEW}`,
  '42804': 'a column has another type than Fieldline has made: change it back',
  '53100': 'the disk of the database is full',
  '53300':
    'the database has no connection left for it: raise the limit, or lower "Most connections" of the database node',
  '55P03': 'a table is locked by somebody else',
  [OVERTIME]: 'it took longer than the "Longest statement" of the database node: a trigger or the database is slow',
};

/** What goes by a code that says too little, as all of PgBouncer's does (08P01), or by none. */
const SAID: readonly (readonly [said: RegExp, hint: string])[] = [
  [
    /in statement pooling mode/,
    'rows of a batch belong together: set pool_mode of PgBouncer to session or transaction, statement is not supported',
  ],
  [
    /^query_wait_timeout/,
    'PgBouncer had no connection of the server left, or is paused: look at its default_pool_size',
  ],
  [/^no more connections allowed/, 'PgBouncer takes no more clients: raise its max_client_conn'],
  [
    /^server login|server_login_retry/,
    'PgBouncer does not reach the server behind it, and looks again only after its server_login_retry',
  ],
  [
    /^unsupported startup parameter/,
    'take it out of the address, or name it in ignore_startup_parameters of PgBouncer',
  ],
  [
    /^Query read timeout/,
    'nobody answers: the server hangs, or a pooler in between is paused or has no connection left (default_pool_size)',
  ],
  // Of the pool; where the server does not answer it is "terminated due to connection timeout".
  [
    /^timeout exceeded when trying to connect/,
    'all connections of the database node are busy: a table is locked, or the database is slow',
  ],
  [/^(ENOENT|EACCES|EISDIR|ENOTDIR): /, 'a file that the address names (sslrootcert, sslcert, sslkey) cannot be read'],
  [/^Client has encountered a connection error/, 'the connection was lost'],
  [
    /rules are not supported for data-modifying statements in WITH|^cannot perform INSERT RETURNING on relation/,
    'let a trigger do what the rule of this table does',
  ],
  [/does not support SSL connections/, 'switch ssl on in the server, or take sslmode out of the address'],
  [/key values mismatch/, 'sslcert and sslkey of the address do not belong together'],
  [/valid client certificate/, 'add &sslcert=/path/client.pem&sslkey=/path/client.key to the address'],
  [/is not permitted to log in/, 'somebody has taken the right from this user: ALTER ROLE … LOGIN'],
  [/^certificate authentication failed/, 'the client certificate (sslcert) is made out to another user'],
  [
    /alert (unknown ca|bad certificate|certificate (required|expired|revoked|unknown))/,
    'the server refuses the client certificate (sslcert of the address)',
  ],
  [/client password must be/, 'the server asks for a password, and the database node has none'],
];

/** Of a statement that found no unique index for what it inserts; the server does not say for which of its tables. */
function indexHint(sql: string): string {
  const made = conflictsOf(sql).map(({ table, key }) => `CREATE UNIQUE INDEX ON ${table} (${key});`);
  const which = made.length > 1 ? 'make the one that its table (\\d in psql) has not: ' : 'make it anew: ';
  return `a unique index is missing; ${made.length === 0 ? ANEW : which + made.join(' ')}`;
}

/** A Fault of kind `data` or `outage` for anything that pg rejected with; `sql`: what it was asked. */
export function databaseFault(error: unknown, sql = ''): Fault {
  if (error instanceof Fault) return error;
  const state = stateOf(error);
  const text = textOf(error);
  // A statement longer than a string can be: in parts it fits.
  if (error instanceof RangeError) return new Fault('FIELDLINE_ROW', text, { kind: 'data', cause: error });
  if (state !== undefined && isOfRow(state, error))
    return new Fault('FIELDLINE_ROW', `${text} (SQLSTATE ${state})`, { kind: 'data', cause: error });
  const hint = unsureOf(error) ?? SAID.find(([said]) => said.test(text))?.[1] ?? hintOf(codeOf(error), sql);
  const detail = [text, hint, state && `SQLSTATE ${state}`, functionOf(error)]
    .filter(part => part !== undefined)
    .join('; ');
  return new Fault('FIELDLINE_DATABASE', `database: ${detail}`, { kind: 'outage', cause: error });
}

function hintOf(code = '', sql: string): string | undefined {
  return code === NO_INDEX ? indexHint(sql) : HINTS[code];
}

/** The same, but for a statement that was ended after its time limit: that is its own fault. */
export function overtimeFault(error: unknown, limitMs: number): Fault {
  return stateOf(error) === OVERTIME
    ? new Fault('FIELDLINE_ROW', `database: it takes longer than ${limitMs / 1000} s (SQLSTATE ${OVERTIME})`, {
        cause: error,
      })
    : databaseFault(error);
}

/** Whether the statement ran out of its time: with fewer rows it may not. */
export const isOvertime = ({ cause }: Fault): boolean => stateOf(cause) === OVERTIME;

/**
 * Whether it may come about by a row all the same: what a trigger or the text of an unusual type runs into goes by any
 * code, also that of a missing table.
 */
export function mayBeOfRow({ cause }: Fault): boolean {
  const state = stateOf(cause);
  if (state === undefined || NEVER_CODES.has(state)) return false;
  const classOf = state.slice(0, 2);
  return state === UNPREPARED || (!LATER.has(classOf) && !NEVER.has(classOf));
}

/** Of an outage: whether rows may have brought it about, which others of the same write would tell. */
export function isDoubtful(fault: Fault): boolean {
  return fault.code === 'FIELDLINE_TABLE' || mayBeOfRow(fault);
}

/** Whether row security refuses: this row, or all of them where somebody has forgotten a policy. */
export function isRule({ cause }: Fault): boolean {
  return codeOf(cause) === '42501' && unsureOf(cause) !== undefined;
}

/** The same fault, now that a row turned out to bring it about: without advice for the database. */
export function asOfRow({ cause }: Fault): Fault {
  return new Fault('FIELDLINE_ROW', `${textOf(cause)} (SQLSTATE ${stateOf(cause)})`, { kind: 'data', cause });
}

function isOfRow(state: string, error: unknown): boolean {
  const classOf = state.slice(0, 2);
  const { routine } = error as { routine?: string };
  const isGuard = GUARDS.has(routine ?? '') && !LATER.has(classOf);
  if (unsureOf(error) !== undefined) return false;
  const isData = DATA.has(classOf) && state !== NO_MORE_NUMBERS;
  return isData || state === TOO_MANY || isGuard || TOO_LARGE.test(reasonOf(error));
}

function stateOf(error: unknown): string | undefined {
  const code = codeOf(error);
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code) ? code : undefined;
}

/** Of a trigger, e.g.: what is missing there no migration makes. */
function functionOf(error: unknown): string | undefined {
  const { where } = Object(error) as { where?: unknown };
  const line = typeof where === 'string' ? /^PL\/\w+ function .*/m.exec(where)?.[0] : undefined;
  return line && `in ${line}`;
}

function textOf(error: unknown): string {
  // A host name with several addresses fails with one error per address and no text of its own.
  if (error instanceof AggregateError && error.message === '')
    return [...new Set(error.errors.map(reasonOf))].join(', ');
  return reasonOf(error);
}
