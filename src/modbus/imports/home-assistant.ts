// Home Assistant: the `modbus:` section of a configuration (YAML), its hubs with sensors and binary sensors.
import { isScalar, parseDocument, visit } from 'yaml';
import { expected, reasonOf } from '../../kernel/fault.ts';
import { type FieldType, fieldTypes, type WordOrder } from '../field.ts';
import type { Table } from '../link.ts';
import {
  asList,
  asNumber,
  asObject,
  asText,
  type Imported,
  type Json,
  MOST_ROWS,
  metricNames,
  type Row,
  take,
} from './imported.ts';

const tables: Readonly<Record<string, Table>> = {
  holding: 'holding',
  input: 'input',
  coil: 'coil',
  discrete_input: 'discrete',
};
const orders: Readonly<Record<string, WordOrder>> = { none: 'ABCD', byte: 'BADC', word: 'CDAB', word_byte: 'DCBA' };
const types: Readonly<Record<string, FieldType>> = {
  ...{ int16: 'int16', uint16: 'uint16', int32: 'int32', uint32: 'uint32', int64: 'int64', uint64: 'uint64' },
  ...{ float16: 'float16', float32: 'float32', float64: 'float64', string: 'string' },
  ...{ int: 'int16', uint: 'uint16', float: 'float32' },
};

/**
 * The library takes one to two seconds for it at worst. A large inverter with all its registers has a section of some 50,000,
 * in a file of 95,000.
 */
const MOST_YAML = 200_000;

/** Reads the whole file or the list of hubs alone. A hub has one device for each unit. */
export function fromHomeAssistant(text: string): Imported {
  const problems: string[] = [];
  let config: unknown;
  try {
    config = readYaml(text, problems);
  } catch (error) {
    return { devices: [], problems: [`expected YAML, got a text that is none (${reasonOf(error)})`] };
  }
  const hubs = asList(Array.isArray(config) ? config : asObject(config)['modbus']);
  if (hubs.length === 0) problems.push('expected a section modbus with hubs, got none');
  return { devices: hubs.flatMap((hub, at) => devicesOf(asObject(hub), `hub ${at + 1}`, problems)), problems };
}

/** Tags of Home Assistant (!secret, !include) are passed over; of a key that stands twice the last one is taken, as there. */
function readYaml(text: string, problems: string[]): unknown {
  const own = text.length > MOST_YAML ? sectionOf(text) : text;
  if (own.length > MOST_YAML)
    throw new Error(
      `more than ${MOST_YAML} characters, or no section modbus in a text of more; import its hubs in parts`,
    );
  // The library would compare each key of a map with all others, and show the lines of each of a hundred thousand errors.
  const document = parseDocument(own, { logLevel: 'silent', uniqueKeys: false, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    const before = own.slice(0, error.pos[0]).split('\n');
    throw new Error(`${error.message} at line ${before.length}, column ${before.at(-1)!.length + 1}`);
  }
  const twice = new Set<string>();
  visit(document, {
    Map(_at, { items }) {
      const names = items.map(({ key }) => (isScalar(key) ? String(key.value) : ''));
      const seen = new Set<string>();
      for (const name of names) if (seen.size === seen.add(name).size) twice.add(name);
    },
  });
  if (twice.size > 0)
    problems.push(`of keys that stand twice the last one is taken: ${[...twice].slice(0, 10).join(', ')}`);
  return document.toJS({ maxAliasCount: 100 });
}

/** The section `modbus:` of a whole configuration, each line in its place; the text itself where it has none. */
function sectionOf(text: string): string {
  let isOurs = false;
  let isThere = false;
  const lines = text.split('\n').map(line => {
    if (/^[^\s#-]/.test(line)) isOurs = /^(["']?)modbus\1\s*:/.test(line);
    isThere ||= isOurs;
    return isOurs ? line : '';
  });
  return isThere ? lines.join('\n') : text;
}

function devicesOf(hub: Json, where: string, problems: string[]) {
  const name = asText(hub['name']) || where;
  const connection = asText(hub['host'] ?? hub['port']) + (hub['host'] === undefined ? '' : `:${asText(hub['port'])}`);
  const entities = [
    ...asList(hub['sensors']).map(sensor => ({ sensor: asObject(sensor), otherwise: 'holding' })),
    ...asList(hub['binary_sensors']).map(sensor => ({ sensor: asObject(sensor), otherwise: 'coil' })),
  ];
  for (const kind of ['climates', 'covers', 'fans', 'lights', 'switches'])
    if (asList(hub[kind]).length > 0) problems.push(`${name}: ${kind} are not read, only sensors and binary_sensors`);
  if (entities.length === 0) problems.push(`${name}: expected sensors or binary_sensors, got none`);
  const written = entities.map(({ sensor }) => asText(sensor['slave'] ?? sensor['device_address']));
  const unknown = [...new Set(written)].filter(unit => unit !== '' && asNumber(unit) === undefined);
  for (const unit of unknown) problems.push(`${name}: unit ${unit} is not a number here (a secret?); taken as 1`);
  const units = Map.groupBy(entities, ({ sensor }) => asNumber(sensor['slave'] ?? sensor['device_address']) ?? 1);
  return [...units].map(([unit, members]) => {
    const metric = metricNames();
    const rows: Row[] = [];
    for (const [at, { sensor, otherwise }] of members.entries()) {
      const label = `${name}, unit ${unit}, ${asText(sensor['name']) || `sensor ${at + 1}`}`;
      const seconds = asNumber(sensor['scan_interval']) ?? 15;
      for (const one of repeated(sensor, otherwise)) {
        const row = rowOf(one, otherwise, metric);
        if (typeof row !== 'string') row.every = seconds * 1000;
        take(rows, problems, label, row);
      }
    }
    return { name, connection, unit, ...withOnePeriod(rows) };
  });
}

/** `virtual_count`: as many sensors more, each behind the one before. */
function repeated(sensor: Json, otherwise: string): Json[] {
  const more = asNumber(sensor['virtual_count'] ?? sensor['slave_count']) ?? 0;
  const first = asNumber(sensor['address']);
  if (first === undefined || !(more > 0)) return [sensor];
  const step = otherwise === 'coil' ? 1 : wordsOf(types[asText(sensor['data_type']) || 'int16']);
  return Array.from({ length: Math.min(more, MOST_ROWS) + 1 }, (_, at) => ({ ...sensor, address: first + at * step }));
}

function wordsOf(type: FieldType | undefined): number {
  const size = type && fieldTypes[type];
  return typeof size === 'number' ? size : 1;
}

/** `nan_value` stands for itself, and with signed types for its negative, too; in the words of the type. */
function absentOf(value: unknown, type: FieldType): string[] {
  const number = asNumber(value);
  if (number === undefined || !Number.isSafeInteger(number) || !/int/.test(type)) return [];
  const bits = 16 * wordsOf(type);
  const values = type.startsWith('u') ? [number] : [number, -number];
  const words = values.map(one => BigInt.asUintN(bits, BigInt(one)).toString(16).toUpperCase());
  return [...new Set(words.map(hex => hex.padStart(bits / 4, '0')))];
}

/** Where all registers have the same period it is that of the poll. */
function withOnePeriod(rows: Row[]) {
  const [periodMs, ...others] = new Set(rows.map(({ every }) => every));
  if (periodMs === undefined || others.length > 0) return { periodMs: undefined, rows };
  return { periodMs, rows: rows.map(({ every, ...row }) => row) };
}

function rowOf(sensor: Json, otherwise: string, metric: ReturnType<typeof metricNames>): Row | string {
  const address = asNumber(sensor['address']);
  if (address === undefined || !Number.isInteger(address) || address < 0 || address > 0xffff)
    return expected('address', '0 to 65535', sensor['address']);
  const table = tables[asText(sensor['input_type']) || otherwise];
  if (table === undefined) return expected('input_type', Object.keys(tables).join(', '), sensor['input_type']);
  const named = metric(asText(sensor['unique_id']) || asText(sensor['name']), `${table}_${address}`);
  if (table === 'coil' || table === 'discrete') return { metric: named, table, address };
  // A binary sensor on a register shows its lowest bit.
  if (otherwise === 'coil') return { metric: named, table, address, type: 'bit', bit: 0 };
  const kind = asText(sensor['data_type']) || 'int16';
  const type = types[kind];
  if (type === undefined) return expected('data_type', Object.keys(types).join(', '), kind);
  const order = orders[asText(sensor['swap']) || 'none'];
  if (order === undefined) return expected('swap', Object.keys(orders).join(', '), sensor['swap']);
  const scale = asNumber(sensor['scale']);
  const offset = asNumber(sensor['offset']);
  const unit = asText(sensor['unit_of_measurement']);
  const notImplemented = absentOf(sensor['nan_value'], type);
  return {
    ...{ metric: named, table, address, type },
    ...(order !== 'ABCD' && { order }),
    ...(type === 'string' && { length: asNumber(sensor['count']) ?? 1 }),
    ...(scale !== undefined && scale !== 0 && scale !== 1 && { scale }),
    ...(offset !== undefined && offset !== 0 && { offset }),
    ...(unit !== '' && { unit }),
    ...(notImplemented.length > 0 && { notImplemented }),
  };
}
