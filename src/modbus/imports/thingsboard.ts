// ThingsBoard IoT Gateway: the JSON of its Modbus connector, slaves with attributes and timeseries.
import { expected, reasonOf } from '../../kernel/fault.ts';
import type { FieldType, WordOrder } from '../field.ts';
import type { Table } from '../link.ts';
import {
  asList,
  asNumber,
  asObject,
  asText,
  type Imported,
  type Json,
  metricNames,
  type Row,
  take,
} from './imported.ts';

const functions: Readonly<Record<number, Table>> = { 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' };
const types: Readonly<Record<string, FieldType>> = {
  ...{ '8int': 'int8l', '8uint': 'uint8l', '16int': 'int16', '16uint': 'uint16', '16float': 'float16' },
  ...{ '32int': 'int32', '32uint': 'uint32', '32float': 'float32' },
  ...{ '64int': 'int64', '64uint': 'uint64', '64float': 'float64', string: 'string' },
};

export function fromThingsboard(text: string): Imported {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (error) {
    return { devices: [], problems: [`expected JSON, got a text that is none (${reasonOf(error)})`] };
  }
  const problems: string[] = [];
  const connector = connectorIn(config);
  const slaves = asList(asObject(connector['master'])['slaves'] ?? asObject(connector['server'])['devices']);
  if (slaves.length === 0) problems.push('expected master.slaves, got none');
  return { devices: slaves.map((slave, at) => deviceOf(asObject(slave), `slave ${at + 1}`, problems)), problems };
}

/** The connector's own file, or what the cloud exports: `{ name: { configurationJson } }`. */
function connectorIn(config: unknown): Json {
  const whole = asObject(config);
  const wrapped = [whole, ...Object.values(whole).map(asObject)].find(one => 'configurationJson' in one);
  return wrapped === undefined ? whole : asObject(wrapped['configurationJson']);
}

function deviceOf(slave: Json, where: string, problems: string[]) {
  const name = asText(slave['deviceName']) || where;
  const unit = asNumber(slave['unitId']) ?? 1;
  const metric = metricNames();
  const rows: Row[] = [];
  const order = orderOf(slave);
  for (const kind of ['timeseries', 'attributes'])
    for (const [at, one] of asList(slave[kind]).entries()) {
      const tag = asObject(one);
      take(rows, problems, `${name}, ${asText(tag['tag']) || `${kind} ${at + 1}`}`, rowOf(tag, order, metric));
    }
  for (const kind of ['attributeUpdates', 'rpc'])
    if (asList(slave[kind]).length > 0) problems.push(`${name}: ${kind} write, which modbus-write does; left out`);
  const connection =
    slave['type'] === 'serial' ? asText(slave['port']) : `${asText(slave['host'])}:${asText(slave['port'])}`;
  return { name, connection, unit, periodMs: asNumber(slave['pollPeriod']), rows };
}

/** Bytes of a word, and words: each big or little. */
function orderOf(slave: Json): WordOrder {
  const little = (key: string) => asText(slave[key]).toUpperCase() === 'LITTLE';
  const bytes = little('byteOrder');
  const words = slave['wordOrder'] === undefined ? bytes : little('wordOrder');
  return bytes ? (words ? 'DCBA' : 'BADC') : words ? 'CDAB' : 'ABCD';
}

function rowOf(tag: Json, order: WordOrder, metric: ReturnType<typeof metricNames>): Row | string {
  const address = asNumber(tag['address']);
  if (address === undefined || !Number.isInteger(address) || address < 0 || address > 0xffff)
    return expected('address', '0 to 65535', tag['address']);
  const table = functions[asNumber(tag['functionCode']) ?? 0];
  if (table === undefined) return expected('functionCode', '1, 2, 3 or 4', tag['functionCode']);
  const named = metric(asText(tag['tag']), `${table}_${address}`);
  if (table === 'coil' || table === 'discrete') return { metric: named, table, address };
  const kind = asText(tag['type']).toLowerCase();
  const count = asNumber(tag['objectsCount']);
  if (kind === 'bits' || kind === 'bit') return { metric: named, table, address, type: 'bits', length: count ?? 1 };
  const type =
    kind === 'int' || kind === 'long'
      ? bySize(count)
      : kind === 'float' || kind === 'double'
        ? floatBySize(count)
        : types[kind];
  if (type === undefined) return expected('type', Object.keys(types).join(', '), tag['type']);
  const divider = asNumber(tag['divider']);
  const multiplier = asNumber(tag['multiplier']);
  const scale = (multiplier ?? 1) / (divider || 1);
  return {
    ...{ metric: named, table, address, type },
    // Texts are read there as they stand, whatever the order.
    ...(type === 'string' ? { length: count ?? 1 } : order !== 'ABCD' && { order }),
    ...(scale !== 1 && scale !== 0 && { scale }),
  };
}

const bySize = (count = 1): FieldType => (count >= 4 ? 'int64' : count >= 2 ? 'int32' : 'int16');
const floatBySize = (count = 2): FieldType => (count >= 4 ? 'float64' : 'float32');
