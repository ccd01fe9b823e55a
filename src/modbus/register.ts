// One register of a map: from its JSON to a typed field with everything resolved.
import { type AddressBase, LAST_ADDRESS, protocolAddress } from './address.ts';
import { type Complain, isObject, type Json, knownKeys, number, oneOf, textOf } from './check.ts';
import { type DateFormat, dateFormats } from './dates.ts';
import { type Field, type FieldType, fieldTypes, longOrders, type Place, type WordOrder, wordOrders } from './field.ts';
import { isBitTable, type Table, tables } from './link.ts';
import { sunspecAbsent } from './sunspec.ts';

/** Keys a register may have; `register-map.schema.json` shows the same ones to text editors. */
export const registerKeys = [
  'metric',
  'address',
  'table',
  'type',
  'order',
  'length',
  'bit',
  'width',
  'names',
  'format',
  'scale',
  'offset',
  'scaleFactor',
  'unit',
  'min',
  'max',
  'notImplemented',
  'every',
  'model',
  'occurrence',
  'note',
];

/** Numbers that differ from site to site (the span an instrument is set to), by name. */
export type Parameters = Readonly<Record<string, number>>;

const METRIC = /^[A-Za-z][A-Za-z0-9_]{0,62}$/;
/** Shortest and longest period of a register. */
const EVERY_MS: [number, number] = [10, 86_400_000];

/** What the map says for all its registers. */
export type Around = {
  base: AddressBase;
  table: Table | undefined;
  order: WordOrder;
  sunspec: boolean;
  parameters: Parameters;
  seen: Set<string>;
  complain: Complain;
};

/** The field, or undefined after a complaint. */
export function fieldOf(json: unknown, at: number, around: Around): Field | undefined {
  const { complain, sunspec } = around;
  if (!isObject(json)) return complain(`register ${at + 1}`, 'an object', json);
  const metric = json['metric'];
  const where = `register ${at + 1}${typeof metric === 'string' ? ` (${metric})` : ''}`;
  knownKeys(json, registerKeys, where, complain);
  if (typeof metric !== 'string' || !METRIC.test(metric))
    return complain(`${where}, metric`, 'a letter, then letters, digits and underscores', metric);
  if (around.seen.has(metric)) complain(`${where}, metric`, 'a name that no other register has', metric);
  around.seen.add(metric);

  // A reference number names its own table; the map's table is the default of the other notations.
  const named = json['table'] === undefined ? undefined : oneOf(json['table'], tables, `${where}, table`, complain);
  const table = named ?? (around.base === '4xxxx' ? undefined : around.table);
  const placeAt = (key: string) => {
    const written = json[key];
    if (typeof written !== 'number' && typeof written !== 'string')
      return complain(`${where}, ${key}`, 'a number', written);
    const place = protocolAddress(written, around.base, table);
    return 'expected' in place ? complain(`${where}, ${key}`, place.expected, written) : place;
  };
  const place = placeAt('address');
  if (place === undefined) return undefined;

  const bits = isBitTable(place.table);
  const types = bits ? (['bool'] as const) : (Object.keys(fieldTypes) as FieldType[]);
  const type = oneOf(json['type'] ?? (bits ? 'bool' : undefined), types, `${where}, type`, complain);
  if (type === undefined) return undefined;
  const format = type === 'datetime' ? formatOf(json['format'], `${where}, format`, complain) : undefined;
  const span = bits ? 1 : spanOf(type, format, json['length'], `${where}, length`, complain);
  if (span === undefined) return undefined;
  if (place.address + span - 1 > LAST_ADDRESS)
    return complain(`${where}, address`, `room for ${span} registers`, json['address']);

  const amount = (key: string, otherwise: number) => {
    const value = json[key] === undefined ? otherwise : number(json[key]);
    return value ?? complain(`${where}, ${key}`, 'a number', json[key]) ?? otherwise;
  };
  const whole = (key: string, [low, high]: [number, number], what: string) =>
    json[key] === undefined
      ? undefined
      : (number(json[key], [low, high], true) ?? complain(`${where}, ${key}`, what, json[key]));
  const min = amount('min', -Infinity);
  const max = amount('max', Infinity);
  if (min > max) complain(`${where}, min`, `at most ${max}`, min);
  const lowest = whole('bit', [0, 16 * span - 1], `a bit from 0 to ${16 * span - 1}`);
  if (type === 'bit' && json['bit'] === undefined)
    complain(`${where}, bit`, `a bit from 0 to ${16 * span - 1}`, undefined);
  const factor = json['scaleFactor'] === undefined ? undefined : placeAt('scaleFactor');
  return {
    metric,
    ...place,
    span,
    type,
    order: orderOf(json['order'], around.order, `${where}, order`, complain),
    scale: scaleOf(json['scale'], around.parameters, `${where}, scale`, complain),
    offset: amount('offset', 0),
    factor: factor && factorOf(factor, metric),
    unit: textOf(json, 'unit', (_, what, got) => complain(`${where}, unit`, what, got)) || undefined,
    min,
    max,
    notImplemented: [
      ...patternsOf(json['notImplemented'], span, `${where}, notImplemented`, complain),
      ...(sunspec ? sunspecAbsent(type, span) : []),
    ],
    bit: lowest ?? 0,
    width: whole('width', [1, 16 * span - (lowest ?? 0)], `1 to ${16 * span - (lowest ?? 0)} bits`),
    names: type === 'enum' || type === 'flags' ? namesOf(json['names'], type, `${where}, names`, complain) : {},
    format,
    every: whole('every', EVERY_MS, `${EVERY_MS[0]} to ${EVERY_MS[1]} ms`),
    models: sunspec ? modelsOf(json, `${where}, model`, complain) : [],
    occurrence: whole('occurrence', [1, 100], 'a number from 1 to 100') ?? 1,
  };
}

/** The order of all registers of a map, or of one; the names for two words and for four. */
export function orderOf(value: unknown, otherwise: WordOrder, where: string, complain: Complain): WordOrder {
  if (value === undefined) return otherwise;
  if (typeof value === 'string' && Object.hasOwn(longOrders, value)) return longOrders[value] as WordOrder;
  return oneOf(value, wordOrders, where, complain) ?? otherwise;
}

const factorOf = (place: { table: Table; address: number }, metric: string): Place => ({
  ...place,
  metric: `scale factor of ${metric}`,
  span: 1,
});

function formatOf(value: unknown, where: string, complain: Complain): DateFormat | undefined {
  return oneOf(value, Object.keys(dateFormats) as DateFormat[], where, complain);
}

function spanOf(
  type: FieldType,
  format: DateFormat | undefined,
  length: unknown,
  where: string,
  complain: Complain,
): number | undefined {
  const size: number | { most: number; usual: number | undefined } = fieldTypes[type];
  if (typeof size === 'number') return size;
  const spans: readonly number[] | undefined = format && dateFormats[format];
  const given = number(length ?? spans?.[0] ?? size.usual, [1, size.most], true);
  const fits = given !== undefined && (spans === undefined || spans.includes(given));
  return fits ? given : complain(where, `${spans?.join(' or ') ?? `1 to ${size.most}`} registers`, length);
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

function namesOf(value: unknown, type: 'enum' | 'flags', where: string, complain: Complain): Record<string, string> {
  const names: Record<string, string> = {};
  const what = type === 'enum' ? 'code' : 'bit';
  const most = type === 'enum' ? 0xffffffff : 63;
  if (!isObject(value) || Object.keys(value).length === 0) complain(where, `names by ${what}`, value);
  else
    for (const [code, name] of Object.entries(value)) {
      if (!/^(0|[1-9]\d{0,9})$/.test(code) || Number(code) > most) complain(where, `${what}s from 0 to ${most}`, code);
      if (typeof name !== 'string' || name === '') complain(`${where}, ${code}`, 'a name', name);
      names[code] = String(name);
    }
  return names;
}

/** One model of SunSpec, or those that have the same point at the same offset. */
function modelsOf(json: Json, where: string, complain: Complain): number[] {
  const models: unknown[] = Array.isArray(json['model']) ? json['model'] : [json['model']];
  const known = models.flatMap(model => number(model, [1, 0xfffe], true) ?? []);
  if (known.length < models.length) complain(where, 'a number of a model, or a list of them', json['model']);
  return known;
}
