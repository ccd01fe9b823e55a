// What a statement of ours inserts into: tables as SQL names them, the columns that it fills, and those by which it meets rows that are there.

const NAME = String.raw`(?:"(?:[^"]|"")*"|\w+)`;
const INSERTS = new RegExp(
  String.raw`INSERT INTO (${NAME}(?:\.${NAME})?)(?: AS \w+)? \(\s*(${NAME}(?:,\s*${NAME})*)\s*\)`,
  'g',
);
const COLUMN = new RegExp(NAME, 'g');

/** `filled`: columns as SQL names them, also those in quotes. */
export function insertsOf(sql: string): { table: string; filled: readonly string[] }[] {
  return [...sql.matchAll(INSERTS)].map(([, table = '', columns = '']) => ({
    table,
    filled: columns.match(COLUMN) ?? [],
  }));
}

const CONFLICTS = new RegExp(String.raw`INSERT INTO (${NAME}(?:\.${NAME})?)|ON CONFLICT \(([^)]*)\)`, 'g');

/** `key`: columns as SQL names them, on which the table needs a unique index. */
export function conflictsOf(sql: string): { table: string; key: string }[] {
  let into = '';
  const found: { table: string; key: string }[] = [];
  for (const [, table, key] of sql.matchAll(CONFLICTS))
    if (table !== undefined) into = table;
    else if (key !== undefined) found.push({ table: into, key });
  return found;
}
