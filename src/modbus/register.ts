// One register of a map: from its JSON to a typed field with everything resolved.
import { type AddressBase, LAST_ADDRESS, protocolAddress } from './address.ts';
import { type Complain, isObject, knownKeys, number, oneOf, textOf } from './check.ts';
import { isBitTable, type Table, tables } from './link.ts';
import { type Field, type FieldType, fieldTypes, type WordOrder, wordOrders } from './values.ts';

/** Keys a register may have; `register-map.schema.json` shows the same ones to text editors. */
export const registerKeys = [
  'metric',
  'address',
  'table',
  'type',
  'order',
  'length',
  'bit',
  'names',
  'scale',
  'offset',
  'unit',
  'min',
  'max',
  'notImplemented',
  'note',
];

/** Numbers that differ from site to site (the span an instrument is set to), by name. */
export type Parameters = Readonly<Record<string, number>>;

/** Most registers of a text and of a BCD number (16 digits). */
const MAX_LENGTH = 125;
const MAX_BCD = 4;
const METRIC = /^[A-Za-z][A-Za-z0-9_]{0,62}$/;

/** What the map says for all its registers. */
export type Around = {
  base: AddressBase;
  table: Table | undefined;
  order: WordOrder;
  parameters: Parameters;
  seen: Set<string>;
  complain: Complain;
};

/** The field, or undefined after a complaint. */
export function fieldOf(json: unknown, at: number, around: Around): Field | undefined {
  const { complain } = around;
  if (!isObject(json)) return complain(`register ${at + 1}`, 'an object', json);
  const metric = json['metric'];
  const where = `register ${at + 1}${typeof metric === 'string' ? ` (${metric})` : ''}`;
  knownKeys(json, registerKeys, where, complain);
  if (typeof metric !== 'string' || !METRIC.test(metric))
    return complain(`${where}, metric`, 'a letter, then letters, digits and underscores', metric);
  if (around.seen.has(metric)) complain(`${where}, metric`, 'a name that no other register has', metric);
  around.seen.add(metric);

  const written = json['address'];
  if (typeof written !== 'number' && typeof written !== 'string')
    return complain(`${where}, address`, 'a number', written);
  // A reference number names its own table; the map's table is the default of the other notations.
  const named = json['table'] === undefined ? undefined : oneOf(json['table'], tables, `${where}, table`, complain);
  const place = protocolAddress(written, around.base, named ?? (around.base === '4xxxx' ? undefined : around.table));
  if ('expected' in place) return complain(`${where}, address`, place.expected, written);

  const bits = isBitTable(place.table);
  const types = bits ? (['bool'] as const) : (Object.keys(fieldTypes) as FieldType[]);
  const type = oneOf(json['type'] ?? (bits ? 'bool' : undefined), types, `${where}, type`, complain);
  if (type === undefined) return undefined;
  const span = bits
    ? 1
    : (fieldTypes[type] ?? number(json['length'], [1, type === 'bcd' ? MAX_BCD : MAX_LENGTH], true));
  if (span === undefined)
    return complain(`${where}, length`, `1 to ${type === 'bcd' ? MAX_BCD : MAX_LENGTH} registers`, json['length']);
  if (place.address + span - 1 > LAST_ADDRESS)
    return complain(`${where}, address`, `room for ${span} registers`, written);

  const amount = (key: string, otherwise: number) => {
    const value = json[key] === undefined ? otherwise : number(json[key]);
    return value ?? complain(`${where}, ${key}`, 'a number', json[key]) ?? otherwise;
  };
  const min = amount('min', -Infinity);
  const max = amount('max', Infinity);
  if (min > max) complain(`${where}, min`, `at most ${max}`, min);
  return {
    metric,
    ...place,
    span,
    type,
    order: oneOf(json['order'] ?? around.order, wordOrders, `${where}, order`, complain) ?? 'ABCD',
    scale: scaleOf(json['scale'], around.parameters, `${where}, scale`, complain),
    offset: amount('offset', 0),
    unit: textOf(json, 'unit', (_, what, got) => complain(`${where}, unit`, what, got)) || undefined,
    min,
    max,
    notImplemented: patternsOf(json['notImplemented'], span, `${where}, notImplemented`, complain),
    bit: type === 'bit' ? bitOf(json['bit'], `${where}, bit`, complain) : 0,
    names: type === 'enum' ? namesOf(json['names'], `${where}, names`, complain) : {},
  };
}

/** A number, or `{ "span": parameter, "digits": n }`: the value at full span is n digits. */
function scaleOf(value: unknown, parameters: Parameters, where: string, complain: Complain): number {
  if (value === undefined) return 1;
  if (isObject(value)) {
    const span = parameters[String(value['span'])];
    if (span === undefined) complain(`${where}, span`, `one of ${Object.keys(parameters).join(', ')}`, value['span']);
    const digits = number(value['digits'], [1, 0xffffffff]);
    if (digits === undefined) complain(`${where}, digits`, 'a number above 0', value['digits']);
    return (span ?? 1) / (digits ?? 1);
  }
  const scale = number(value);
  if (scale === undefined || scale === 0) complain(where, 'a number other than 0', value);
  return scale || 1;
}

function patternsOf(value: unknown, span: number, where: string, complain: Complain): string[] {
  if (value === undefined) return [];
  const patterns = Array.isArray(value) ? value : [value];
  return patterns.flatMap((one: unknown) => {
    const hex = typeof one === 'string' ? one.replace(/\s/g, '').toUpperCase() : '';
    if (/^[0-9A-F]+$/.test(hex) && hex.length === span * 4) return [hex];
    complain(where, `${span * 4} hex digits`, one);
    return [];
  });
}

function bitOf(value: unknown, where: string, complain: Complain): number {
  return number(value, [0, 15], true) ?? complain(where, 'a bit from 0 to 15', value) ?? 0;
}

function namesOf(value: unknown, where: string, complain: Complain): Record<string, string> {
  const names: Record<string, string> = {};
  if (!isObject(value) || Object.keys(value).length === 0) complain(where, 'names by code', value);
  else
    for (const [code, name] of Object.entries(value)) {
      if (!/^(0|[1-9]\d{0,4})$/.test(code) || Number(code) > 0xffff) complain(where, 'codes from 0 to 65535', code);
      if (typeof name !== 'string' || name === '') complain(`${where}, ${code}`, 'a name', name);
      names[code] = String(name);
    }
  return names;
}
