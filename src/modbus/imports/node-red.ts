// node-red-contrib-modbus: the reading nodes of an exported flow, its flex messages, and IO files; what it reads has no types, so every register is a row.
import { expected, reasonOf } from '../../kernel/fault.ts';
import type { Table } from '../link.ts';
import {
  asNumber,
  asObject,
  asText,
  type Imported,
  type ImportedDevice,
  type Json,
  metricNames,
  take,
} from './imported.ts';
import { fromIoFile } from './io-file.ts';

const dataTypes: Readonly<Record<string, Table>> = {
  Coil: 'coil',
  Input: 'discrete',
  HoldingRegister: 'holding',
  InputRegister: 'input',
};
const functions: Readonly<Record<number, Table>> = { 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' };
const rateMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const MOST_REGISTERS = 2000;

/** An exported flow, a single node, a flex message `{ fc, unitid, address, quantity }`, or an IO file. */
export function fromNodeRed(text: string): Imported {
  const named = fromIoFile(text);
  if (named !== undefined) return named;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { devices: [], problems: [`expected JSON, got a text that is none (${reasonOf(error)})`] };
  }
  const nodes = (Array.isArray(json) ? json : [json]).map(asObject);
  const clients = new Map(nodes.filter(({ type }) => type === 'modbus-client').map(one => [asText(one['id']), one]));
  const problems: string[] = [];
  const devices = new Map<string, ImportedDevice & { metric: ReturnType<typeof metricNames> }>();
  for (const node of nodes) {
    const read = readOf(node);
    if (read === undefined) {
      if (node['type'] === 'modbus-flex-getter')
        problems.push(
          `${asText(node['name']) || 'modbus-flex-getter'}: what it reads is in its messages, not in the flow`,
        );
      continue;
    }
    const where = asText(node['name']) || `${asText(node['type']) || 'message'} ${asText(node['id'])}`.trim();
    const client = clients.get(asText(node['server'])) ?? {};
    const unit = asNumber(node['unitid']) ?? asNumber(client['unit_id']) ?? 1;
    const connection = connectionOf(client);
    const key = `${connection} ${unit}`;
    const device = devices.get(key) ?? {
      ...{ name: asText(client['name']) || `unit ${unit}`, connection, unit, periodMs: undefined, rows: [] },
      metric: metricNames(),
    };
    devices.set(key, device);
    const { table, address, quantity, every } = read;
    if (table === undefined || address === undefined || quantity === undefined || address + quantity > 0x10000) {
      take(device.rows, problems, where, expected('what is read', 'a table, an address and a quantity', read));
      continue;
    }
    for (let at = 0; at < Math.min(quantity, MOST_REGISTERS); at++) {
      const name = quantity === 1 ? asText(node['name']) : `${asText(node['name'])}_${address + at}`;
      take(device.rows, problems, where, {
        metric: device.metric(name, `${table}_${address + at}`),
        table,
        address: address + at,
        ...((table === 'holding' || table === 'input') && { type: 'uint16' }),
        ...(every !== undefined && { every }),
      });
    }
    if (table === 'holding' || table === 'input')
      problems.push(`${where}: its registers have no types; check them by their values`);
  }
  if (devices.size === 0) problems.push('expected nodes modbus-read or modbus-getter, or a message with fc, got none');
  return { devices: [...devices.values()].map(({ metric, ...device }) => device), problems };
}

type Read = { table: Table | undefined; address: number | undefined; quantity: number | undefined; every?: number };

function readOf(node: Json): Read | undefined {
  const whole = (value: unknown) => {
    const number = asNumber(value);
    return number !== undefined && Number.isInteger(number) && number >= 0 ? number : undefined;
  };
  if (node['fc'] !== undefined)
    return {
      table: functions[asNumber(node['fc']) ?? 0],
      address: whole(node['address']),
      quantity: whole(node['quantity']),
    };
  if (node['type'] !== 'modbus-read' && node['type'] !== 'modbus-getter') return undefined;
  const rate = (asNumber(node['rate']) ?? 0) * (rateMs[asText(node['rateUnit'])] ?? 1000);
  return {
    table: dataTypes[asText(node['dataType'])],
    address: whole(node['adr']),
    quantity: whole(node['quantity']),
    ...(node['type'] === 'modbus-read' && rate >= 10 && { every: rate }),
  };
}

function connectionOf(client: Json): string {
  if (client['clienttype'] === 'simpleser' || client['clienttype'] === 'serial') return asText(client['serialPort']);
  return client['tcpHost'] === undefined ? '' : `${asText(client['tcpHost'])}:${asText(client['tcpPort'])}`;
}
