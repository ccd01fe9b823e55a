// Rows read from the pages of a damaged SQLite file themselves, where the tree that leads to them is broken.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** A row of one of the two tables, told from all others by the types of its columns; `values` in their order. */
export type Carved = { table: 'entry' | 'pending'; seq: number; values: (number | string | Uint8Array)[] };
type Value = null | number | string | Uint8Array;
type Layout = { header: number; hasRowId: boolean; hasChild: boolean; mostLocal: number };

const PAGE = 4096;
const LEAST_LOCAL = Math.floor(((PAGE - 12) * 32) / 255) - 23;
const MOST_OF_INDEX = Math.floor(((PAGE - 12) * 64) / 255) - 23;
// https://sqlite.org/fileformat2.html §1.6: kinds of pages that hold rows, by their first byte.
const LAYOUTS: Readonly<Record<number, Layout>> = {
  13: { header: 8, hasRowId: true, hasChild: false, mostLocal: PAGE - 35 },
  10: { header: 8, hasRowId: false, hasChild: false, mostLocal: MOST_OF_INDEX },
  2: { header: 12, hasRowId: false, hasChild: true, mostLocal: MOST_OF_INDEX },
};
/** A damaged length must not fill the memory. */
const MOST_BYTES = 512 << 20;

/**
 * Every row that lies on a page in use, in no order. None where the list of free pages is damaged too: those hold rows
 * that are long gone, and nothing else tells them from the others.
 */
export function* carve(file: string): Generator<Carved> {
  const handle = openSync(file, 'r');
  try {
    const pages = Math.ceil(fstatSync(handle).size / PAGE);
    const pageOf = (number: number): DataView => {
      const bytes = new Uint8Array(PAGE);
      readSync(handle, bytes, 0, PAGE, (number - 1) * PAGE);
      return new DataView(bytes.buffer);
    };
    const free = freePages(pageOf, pages);
    if (free === undefined) return;
    for (let number = 2; number <= pages; number++) if (!free.has(number)) yield* rowsOf(pageOf(number), pageOf);
  } finally {
    closeSync(handle);
  }
}

/** §1.5: a chain of pages, each with the numbers of further ones. Undefined where it does not add up. */
function freePages(pageOf: (number: number) => DataView, pages: number): ReadonlySet<number> | undefined {
  const first = pageOf(1);
  if (first.getUint16(16) !== PAGE) return undefined;
  const free = new Set<number>();
  for (let at = first.getUint32(32); at !== 0; ) {
    if (at > pages || free.has(at)) return undefined;
    free.add(at);
    const trunk = pageOf(at);
    const count = trunk.getUint32(4);
    if (count > PAGE / 4 - 2) return undefined;
    for (let n = 0; n < count; n++) free.add(trunk.getUint32(8 + 4 * n));
    at = trunk.getUint32(0);
  }
  return free.size === first.getUint32(36) ? free : undefined;
}

function* rowsOf(page: DataView, pageOf: (number: number) => DataView): Generator<Carved> {
  const layout = LAYOUTS[page.getUint8(0)];
  if (layout === undefined) return;
  const cells = Math.min(page.getUint16(3), (PAGE - layout.header) / 2);
  for (let n = 0; n < cells; n++)
    try {
      const row = rowAt(page, page.getUint16(layout.header + 2 * n), layout, pageOf);
      if (row !== undefined) yield row;
    } catch {
      // A part of this page is overwritten: the other rows may be whole.
    }
}

function rowAt(page: DataView, cell: number, layout: Layout, pageOf: (number: number) => DataView): Carved | undefined {
  const cursor = { page, at: cell + (layout.hasChild ? 4 : 0) };
  const size = varint(cursor);
  const rowId = layout.hasRowId ? varint(cursor) : 0;
  if (size > MOST_BYTES) return undefined;
  const spilled = LEAST_LOCAL + ((size - LEAST_LOCAL) % (PAGE - 4));
  const local = size <= layout.mostLocal ? size : spilled <= layout.mostLocal ? spilled : LEAST_LOCAL;
  const payload = new Uint8Array(size);
  payload.set(new Uint8Array(page.buffer, cursor.at, local));
  let next = local < size ? page.getUint32(cursor.at + local) : 0;
  for (let at = local; at < size; at += PAGE - 4) {
    if (next === 0) return undefined;
    const more = pageOf(next);
    payload.set(new Uint8Array(more.buffer, 4, Math.min(PAGE - 4, size - at)), at);
    next = more.getUint32(0);
  }
  const values = record(new DataView(payload.buffer));
  const [first, second, third] = values;
  if (layout.hasRowId) {
    const isEntry = values.length === 3 && first === null && typeof second === 'string' && third instanceof Uint8Array;
    return isEntry ? { table: 'entry', seq: rowId, values: [rowId, second, third] } : undefined;
  }
  const isPending = values.length === 2 && typeof first === 'number' && typeof second === 'number';
  return isPending ? { table: 'pending', seq: second, values: [first, second] } : undefined;
}

/** §2.1: the types of all columns, then their bytes. */
function record(page: DataView): Value[] {
  const cursor = { page, at: 0 };
  const end = varint(cursor);
  const types: number[] = [];
  while (cursor.at < end) types.push(varint(cursor));
  return types.map(type => {
    if (type === 0) return null;
    if (type === 8 || type === 9) return type - 8;
    if (type === 7 || type === 10 || type === 11) throw new RangeError('a type that the journal has not');
    const length = type >= 12 ? Math.floor(type / 2) - 6 : type === 5 ? 6 : type === 6 ? 8 : type;
    const bytes = new Uint8Array(page.buffer, cursor.at, length);
    cursor.at += length;
    if (type < 12) return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    return type % 2 === 0 ? bytes : Buffer.from(bytes).toString();
  });
}

function varint(cursor: { page: DataView; at: number }): number {
  let value = 0;
  for (let n = 0; n < 9; n++) {
    const byte = cursor.page.getUint8(cursor.at++);
    if (n === 8) return value * 256 + byte;
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return value;
  }
  return value;
}
