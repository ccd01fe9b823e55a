// Telegraf: `inputs.modbus` in all three of its styles (register, request, metric).
import { expected, reasonOf } from '../../kernel/fault.ts';
import { type FieldType, longOrders, type WordOrder } from '../field.ts';
import type { Table } from '../link.ts';
import {
  asList,
  asNumber,
  asObject,
  asText,
  type Imported,
  type ImportedDevice,
  type Json,
  metricNames,
  type Row,
  take,
} from './imported.ts';
import { parseToml } from './toml.ts';

const tables: Readonly<Record<string, Table>> = {
  coil: 'coil',
  discrete: 'discrete',
  holding: 'holding',
  input: 'input',
};
const types: Readonly<Record<string, FieldType>> = {
  ...{ INT8L: 'int8l', INT8H: 'int8h', UINT8L: 'uint8l', UINT8H: 'uint8h', BIT: 'bit' },
  ...{ INT16: 'int16', UINT16: 'uint16', INT32: 'int32', UINT32: 'uint32', INT64: 'int64', UINT64: 'uint64' },
  ...{ FLOAT16: 'float16', FLOAT32: 'float32', FLOAT64: 'float64', STRING: 'string' },
  // The register style: whole numbers with a fixed point, and floats.
  ...{ 'FLOAT16-IEEE': 'float16', 'FLOAT32-IEEE': 'float32', 'FLOAT64-IEEE': 'float64' },
};
const orders: Readonly<Record<string, WordOrder>> = {
  ...{ AB: 'ABCD', BA: 'BADC', ABCD: 'ABCD', CDAB: 'CDAB', BADC: 'BADC', DCBA: 'DCBA' },
  ...{ 'MSW-BE': 'ABCD', 'LSW-BE': 'CDAB', 'MSW-LE': 'BADC', 'LSW-LE': 'DCBA' },
  ...longOrders,
};

export function fromTelegraf(text: string): Imported {
  let config: Json;
  try {
    config = parseToml(text);
  } catch (error) {
    return { devices: [], problems: [`expected TOML: ${reasonOf(error)}`] };
  }
  const inputs = asList(asObject(config['inputs'])['modbus']);
  const problems = inputs.length === 0 ? ['expected [[inputs.modbus]], got none'] : [];
  return { devices: inputs.flatMap((input, at) => devicesOf(asObject(input), at, problems)), problems };
}

/** One for each unit. */
function devicesOf(input: Json, at: number, problems: string[]): ImportedDevice[] {
  const name = asText(input['name']) || `modbus ${at + 1}`;
  const devices = new Map<number, ImportedDevice & { metric: ReturnType<typeof metricNames> }>();
  const deviceOf = (unit: number) => {
    const device = devices.get(unit) ?? {
      ...{ name, connection: asText(input['controller']), unit, periodMs: millisecondsOf(input['interval']), rows: [] },
      metric: metricNames(),
    };
    devices.set(unit, device);
    return device;
  };
  /** `request`: what stands around the field and holds for it. */
  const add = (unit: number, request: Json, field: Json, where: string) => {
    const { rows, metric } = deviceOf(unit);
    if (field['omit'] === true) return;
    take(rows, problems, `${name}, unit ${unit}, ${asText(field['name']) || where}`, rowOf(field, request, metric));
  };
  for (const [kind, table] of Object.entries({
    ...{ coils: 'coil', discrete_inputs: 'discrete', holding_registers: 'holding', input_registers: 'input' },
  }))
    for (const [n, one] of asList(input[kind]).entries()) {
      const field = asObject(one);
      add(asNumber(input['slave_id']) ?? 1, { register: table }, registerStyle(field), `${kind} ${n + 1}`);
    }
  for (const kind of ['request', 'metric'])
    for (const [n, one] of asList(input[kind]).entries()) {
      const request = asObject(one);
      for (const [m, field] of asList(request['fields']).entries())
        add(asNumber(request['slave_id']) ?? 1, request, asObject(field), `${kind} ${n + 1}, field ${m + 1}`);
    }
  if (devices.size === 0) problems.push(`${name}: expected registers, requests or metrics, got none`);
  return [...devices.values()].map(({ metric, ...device }) => device);
}

/** `address = [first, second]`, and types by the number of registers where they are named FIXED, UFIXED, INT16 … */
function registerStyle(field: Json): Json {
  const addresses = asList(field['address']).flatMap(one => asNumber(one) ?? []);
  const size = addresses.length;
  const kind = asText(field['data_type']).toUpperCase();
  const whole = `${kind === 'UFIXED' || kind === 'FLOAT32' ? 'UINT' : 'INT'}${size * 16}`;
  const fixed = kind === 'FIXED' || kind === 'UFIXED' || kind === 'FLOAT32';
  const [first = 0] = addresses;
  const order = addresses.every((one, at) => one === first + at) ? {} : { wrong: true };
  return {
    ...{ ...field, ...order, address: addresses[0], type: fixed ? whole : kind, length: size },
    ...(kind === 'STRING' && { length: size }),
  };
}

function rowOf(field: Json, request: Json, metric: ReturnType<typeof metricNames>): Row | string {
  const address = asNumber(field['address']);
  if (address === undefined || !Number.isInteger(address) || address < 0 || address > 0xffff)
    return expected('address', '0 to 65535', field['address']);
  if (field['wrong'] === true) return 'addresses that do not follow one another; for swapped words use a byte order';
  const table = tables[asText(field['register'] ?? request['register']) || 'holding'];
  if (table === undefined)
    return expected('register', Object.keys(tables).join(', '), field['register'] ?? request['register']);
  const named = metric(asText(field['name']), `${table}_${address}`);
  if (table === 'coil' || table === 'discrete') return { metric: named, table, address };
  const type = types[asText(field['type']).toUpperCase()];
  if (type === undefined) return expected('type', Object.keys(types).join(', '), field['type'] ?? field['data_type']);
  const written = asText(field['byte_order'] ?? request['byte_order']).toUpperCase() || 'ABCD';
  const order = orders[written];
  if (order === undefined) return expected('byte_order', Object.keys(orders).join(', '), written);
  const scale = asNumber(field['scale']);
  return {
    ...{ metric: named, table, address, type },
    ...(order !== 'ABCD' && { order }),
    ...(type === 'string' && { length: asNumber(field['length']) ?? 1 }),
    ...(type === 'bit' && { bit: asNumber(field['bit']) ?? 0 }),
    ...(scale !== undefined && scale !== 0 && scale !== 1 && { scale }),
  };
}

/** `10s`, `500ms`, `1m30s` */
function millisecondsOf(value: unknown): number | undefined {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const parts = [...asText(value).matchAll(/(?<!\d)(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  return parts.length === 0
    ? undefined
    : parts.reduce((sum, [, n, unit]) => sum + Number(n) * (units[unit ?? ''] ?? 0), 0);
}
