// What a statement of ours inserts into: tables as SQL names them, and the columns that it fills.

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
