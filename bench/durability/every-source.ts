// The shipped flow with every kind of source on it, and with links to peers beside the database: a flow for the durability bench.
import type { FlowNode } from '../gateway.ts';

export type Wiring = { adapter: string; meterPort: number; brokerPort: number; serverPort: number };

/** Names of the sources in the ledger. */
export const SOURCES = {
  mqtt: 'Homelab',
  relay: 'Relay',
  http: 'http-ingest',
  radio: 'Adverts',
  modbus: 'Flow meter 1',
} as const;
export const METER = 'every-meter';
const POLL_MS = 100;

/**
 * Beside the tables, what comes by HTTP goes to a server; a source of its own takes everything from the gateway's broker to
 * another one, past the database.
 */
export function everySource({ adapter, meterPort, brokerPort, serverPort }: Wiring): (flows: FlowNode[]) => FlowNode[] {
  const settings: Readonly<Record<string, Record<string, unknown>>> = {
    'fieldline-ble-scan': { adapter },
    'fieldline-modbus-bus': { host: '127.0.0.1', port: meterPort },
    'fieldline-modbus-poll': { deviceId: METER, periodMs: POLL_MS },
    'fieldline-http-ingest': { appPerMinute: 60_000 },
  };
  const wired = ({ id, wires }: FlowNode): unknown =>
    id === 'fl-arc-http' ? [[...(wires as string[][])[0]!, 'every-post']] : wires;
  return flows => {
    const tab = flows.find(({ id }) => id === 'fl-mqtt')!['z'];
    const place = { z: tab, wires: [], policy: 'disk' };
    return [
      ...flows.map(node => ({ ...node, ...settings[node.type], wires: wired(node) })),
      { id: 'every-peer', type: 'mqtt-broker', name: 'peer', broker: '127.0.0.1', port: String(brokerPort) },
      {
        ...{ id: 'every-relay', type: 'fieldline-mqtt-ingest', name: SOURCES.relay, x: 150, y: 520, z: tab },
        ...{ topics: [{ filter: 'homelab/energy/#', qos: '1' }], emit: 'batches', wires: [['every-publish']] },
      },
      { ...place, id: 'every-publish', type: 'fieldline-mqtt-out', broker: 'every-peer', x: 450, y: 520 },
      {
        ...{ ...place, id: 'every-post', type: 'fieldline-http-out', x: 450, y: 580, timeoutSeconds: 2 },
        url: `http://127.0.0.1:${serverPort}/take`,
      },
    ];
  };
}
