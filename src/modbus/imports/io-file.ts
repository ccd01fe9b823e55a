// IO files of node-red-contrib-modbus: a JSON object a line with a name, whose first letter is the type, and a PLC address.
import { expected } from '../../kernel/fault.ts';
import type { FieldType } from '../field.ts';
import type { Table } from '../link.ts';
import { asObject, asText, type Imported, metricNames, type Row, take } from './imported.ts';

/** As the PLC sees it: its inputs are what others write (holding registers), its outputs what they read. */
const tables: Readonly<Record<string, Table>> = { I: 'holding', Q: 'input' };
/** Letter of the name, and registers. */
const types: Readonly<Record<string, FieldType>> = {
  ...{ w: 'uint16', u: 'uint16', i: 'int32', f: 'float32', r: 'float32', d: 'float64', b: 'bit' },
};
const ADDRESS = /^%([IQ])([XWD])(\d{1,5})(?:\.(\d))?$/;
/** References of the document (30001) in place of addresses: what the node calls its address offset. */
const REFERENCES = [40_001, 30_001];

/** Undefined where the text is no such file. */
export function fromIoFile(text: string): Imported | undefined {
  const lines = text.split(/\r\n|\n|\r/).flatMap((line, at) => {
    const json = line.trim() === '' ? undefined : objectOf(line);
    return json === undefined ? [] : [{ number: at + 1, name: asText(json['name']), at: asText(json['valueAddress']) }];
  });
  if (!lines.some(({ at }) => ADDRESS.test(at))) return undefined;
  const problems: string[] = [];
  const rows: Row[] = [];
  const metric = metricNames();
  const places = lines.map(line => ADDRESS.exec(line.at));
  const words = places.flatMap(place => (place === null || place[2] === 'X' ? [] : Number(place[3])));
  const offset = REFERENCES.find(reference => words.length > 0 && words.every(word => word >= reference)) ?? 0;
  if (offset > 0) problems.push(`addresses begin at ${offset}: taken as references, that is ${offset} less`);
  for (const [n, { number, name, at }] of lines.entries())
    take(rows, problems, `line ${number}, ${name}`, rowOf(name, at, places[n] ?? null, offset, metric));
  problems.push('an IO file does not say which table is read, nor in which order: check values');
  return { devices: [{ name: 'io file', connection: '', unit: 1, periodMs: undefined, rows }], problems };
}

function objectOf(line: string) {
  try {
    return asObject(JSON.parse(line));
  } catch {
    return undefined;
  }
}

function rowOf(
  name: string,
  written: string,
  place: RegExpExecArray | null,
  offset: number,
  metric: ReturnType<typeof metricNames>,
): Row | string {
  if (place === null) return expected('valueAddress', '%IW, %ID, %IX or %Q…, with a number', written);
  const [, side = '', kind, first = '', bit] = place;
  const letter = name.slice(0, 1);
  const type = letter === 'i' && kind === 'W' ? 'int16' : types[letter];
  const table = tables[side];
  if (type === undefined || table === undefined || (type === 'bit') !== (kind === 'X'))
    return expected('name', `one that begins with ${Object.keys(types).join(', ')}, b for bits only`, name);
  const named = metric(name.slice(1), `${table}_${first}`);
  if (type !== 'bit') return { metric: named, table, address: Number(first) - offset, type };
  // The address of a bit counts bytes.
  const byte = Number(first);
  return { metric: named, table, address: byte >> 1, type, bit: (byte % 2) * 8 + Number(bit ?? 0) };
}
