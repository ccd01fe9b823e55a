// Names of tables and columns as operators type them, and as SQL takes them, whatever characters they hold.
import { expected } from '../../kernel/fault.ts';

/** `schema` undefined: the first of the search path that has such a table. */
export type TableName = { schema: string | undefined; table: string };

/** PostgreSQL cuts longer names off without a word. */
const LONGEST_BYTES = 63;

/** The one way in which a name gets into SQL text. Throws an Error on what can be no name. */
export function quoted(name: string): string {
  const why = nameFault(name);
  if (why !== undefined) throw new Error(why);
  return `"${name.replaceAll('"', '""')}"`;
}

/** Why PostgreSQL can have nothing of this name; undefined where it can. */
function nameFault(name: string): string | undefined {
  const bytes = Buffer.byteLength(name);
  if (bytes > 0 && bytes <= LONGEST_BYTES && !name.includes('\0') && name.isWellFormed()) return undefined;
  return expected('name', `1 to ${LONGEST_BYTES} bytes of text`, name);
}

/** `meter`, `plant.meter`, `"My Schema"."my.meter"`; in quotes anything but a single `"`. Or the reason why it is none. */
export function parseTableName(text: string): TableName | string {
  const parts = partsOf(text.trim());
  const [first, second] = parts ?? [];
  if (parts === undefined || first === undefined || parts.length > 2)
    return expected('table', 'a name such as meter, plant.meter or "My Schema"."my.meter"', text);
  const fault = parts.map(nameFault).find(why => why !== undefined);
  if (fault !== undefined) return fault;
  return second === undefined ? { schema: undefined, table: first } : { schema: first, table: second };
}

/** The name so that `parseTableName` gives it back. */
export function tableText({ schema, table }: { schema: string; table: string }): string {
  return [schema, table].map(part => (/[."]|^\s|\s$/.test(part) ? `"${part.replaceAll('"', '""')}"` : part)).join('.');
}

const PART = /(?:"((?:[^"]|"")+)"|([^."]+))(\.|$)/y;

function partsOf(text: string): string[] | undefined {
  const parts: string[] = [];
  PART.lastIndex = 0;
  for (;;) {
    const match = PART.exec(text);
    if (match === null) return undefined;
    parts.push(match[1]?.replaceAll('""', '"') ?? match[2]!);
    if (match[3] === '') return parts;
  }
}
