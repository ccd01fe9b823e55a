// From the operator's mapping and the table as it is: the columns to write and the key, or every reason why that cannot be.
import { expected } from '../../kernel/fault.ts';
import { parseSource, type Source } from './source.ts';
import { type Column, columnOf, type Table, titleOf } from './table.ts';

/** What is done with a row whose key is there: leave it, write it over, or refuse the new one. */
export type ConflictPolicy = 'skip' | 'update' | 'reject';
export type Mapping = {
  /** `schema.table` as typed. */
  table: string;
  columns: readonly { column: string; from: string }[];
  /** Names of the columns of a unique key, with commas between; empty: none. */
  key: string;
  conflict: ConflictPolicy;
};

export type Mapped = { column: Column; source: Source };
export type Plan = {
  table: Table;
  mapped: readonly Mapped[];
  /** Empty: rows are known by their message alone. */
  key: readonly string[];
  conflict: ConflictPolicy;
  perMetric: boolean;
  /** Every row's message is remembered, since no key of the table tells whether it was written before. */
  remembers: boolean;
};

/** Names between commas; in quotes also names that hold one. */
export function keyNames(text: string): readonly string[] {
  const names = text.match(/\s*"(?:[^"]|"")+"\s*|[^,]+/g) ?? [];
  return names
    .map(name => name.trim())
    .filter(name => name !== '')
    .map(name => (name.startsWith('"') && name.endsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name));
}

/** The reasons are sentences for the operator, one for each thing to mend. */
export function planOf(table: Table, mapping: Mapping): Plan | readonly string[] {
  const faults: string[] = [];
  const mapped: Mapped[] = [];
  for (const { column: name, from } of mapping.columns) {
    // A column without a source gets what the table gives it.
    if (from.trim() === '' && !from.startsWith('=')) continue;
    const column = columnOf(table, name);
    const source = parseSource(from);
    if (typeof column === 'string') faults.push(column);
    else if (typeof source === 'string') faults.push(`column ${name}: ${source}`);
    else if (column.generated) faults.push(expected(`column ${name}`, 'no value: the database makes it', from));
    else if (mapped.some(one => one.column.name === name)) faults.push(expected(`column ${name}`, 'one value', 'two'));
    else mapped.push({ column, source });
  }
  const names = new Set(mapped.map(({ column }) => column.name));
  if (mapped.length === 0 && faults.length === 0)
    faults.push(expected(`columns of ${titleOf(table)}`, 'at least one with a value', 'none'));
  for (const { name, notNull, hasDefault, generated } of table.columns)
    if (notNull && !hasDefault && !generated && !names.has(name))
      faults.push(expected(`column ${name}`, 'a value: it is NOT NULL and has no default', 'none'));
  const key = keyNames(mapping.key);
  const remembers = key.length === 0 || mapping.conflict === 'reject';
  faults.push(...keyFaults(table, key, names));
  faults.push(...rightFaults(table, mapped, remembers ? [] : key, mapping.conflict));
  if (faults.length > 0) return faults;
  const perMetric = mapped.some(({ source }) => source.perMetric);
  return { table, mapped, key, conflict: mapping.conflict, perMetric, remembers };
}

function keyFaults(table: Table, key: readonly string[], mapped: ReadonlySet<string>): readonly string[] {
  if (key.length === 0) return [];
  const same = (columns: readonly string[]) =>
    columns.length === key.length && columns.every(column => key.includes(column));
  if (!table.keys.some(({ columns }) => same(columns))) {
    const there =
      table.keys.map(({ columns }) => `(${columns.join(', ')})`).join(' or ') || 'none: it has no unique key';
    return [expected(`key of ${titleOf(table)}`, there, `(${key.join(', ')})`)];
  }
  return key
    .filter(name => !mapped.has(name))
    .map(name => expected(`column ${name}`, 'a value: it belongs to the key', 'none'));
}

/** What this user may not do, but has to: a key is read, and what is written over, too. `key`: that conflicts are found by. */
function rightFaults(
  table: Table,
  mapped: readonly Mapped[],
  key: readonly string[],
  conflict: ConflictPolicy,
): readonly string[] {
  if (!table.open) return [expected(titleOf(table), 'a table, or a view that takes new rows', 'one that takes none')];
  const all = mapped.map(({ column }) => column);
  const keys = all.filter(({ name }) => key.includes(name));
  const others = key.length > 0 && conflict === 'update' ? all.filter(column => !keys.includes(column)) : [];
  const lacking = (right: string, columns: readonly Column[], may: 'mayInsert' | 'maySelect' | 'mayUpdate') => {
    const names = columns.filter(column => !column[may]).map(({ name }) => name);
    return names.length === 0 ? [] : [expected('this user', `the right to ${right} ${names.join(', ')}`, 'none')];
  };
  return [
    ...lacking('insert', all, 'mayInsert'),
    ...lacking('select', [...keys, ...others], 'maySelect'),
    ...lacking('update', others, 'mayUpdate'),
  ];
}
