// An embedded broker of its own for each test, and clients to it; all of it ends with the test.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { generate } from 'mqtt-packet';
import { openJournal } from '../../src/delivery/journal/journal.ts';
import type { Journal } from '../../src/delivery/journal/contract.ts';
import { type Broker, type BrokerOptions, startBroker } from '../../src/mqtt/broker.ts';

export type BrokerWorld = {
  readonly broker: Broker;
  readonly journal: Journal;
  /** Further clients and sockets that are to end with the test. */
  readonly clients: MqttClient[];
  readonly sockets: Socket[];
  start(options?: Partial<BrokerOptions>, maxBytes?: number): Promise<void>;
  /** As after a stop: everything in memory is gone. */
  restart(): Promise<void>;
  /** `got`: what it has received, as text. */
  client(clientId: string, options?: IClientOptions): Promise<MqttClient & { got: string[] }>;
  /** A client that is nothing but a socket. */
  bare(clientId: string, clean: boolean, subscribe?: string): Promise<Socket>;
};

/** To be called in a `describe`. */
export function onBroker(): BrokerWorld {
  let folder = '';
  let journal: Journal | undefined;
  let broker: Broker | undefined;
  const clients: MqttClient[] = [];
  const sockets: Socket[] = [];
  const endClients = () => Promise.all(clients.splice(0).map(client => client.endAsync(true)));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'broker-'));
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await endClients();
    await broker?.close();
    await journal?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const world: BrokerWorld = {
    get broker() {
      return broker!;
    },
    get journal() {
      return journal!;
    },
    clients,
    sockets,
    async start(options = {}, maxBytes) {
      journal = await openJournal(join(folder, 'journal.db'), { maxBytes });
      broker = await startBroker({ journal, host: '127.0.0.1', port: 0, ...options });
    },
    async restart() {
      await endClients();
      await broker!.close();
      await journal!.close();
      await world.start();
    },
    async client(clientId, options = {}) {
      const url = `mqtt://127.0.0.1:${broker!.port}`;
      const made = await mqtt.connectAsync(url, { clientId, reconnectPeriod: 0, ...options });
      clients.push(made);
      const got: string[] = [];
      made.on('message', (topic, payload, { qos, retain, dup }) => {
        got.push(`${topic}=${payload} ${qos}${retain ? ' retained' : ''}${dup ? ' dup' : ''}`);
      });
      return Object.assign(made, { got });
    },
    async bare(clientId, clean, subscribe) {
      const socket = connect(broker!.port, '127.0.0.1');
      sockets.push(socket);
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(generate({ cmd: 'connect', clientId, clean, keepalive: 0, protocolId: 'MQTT', protocolVersion: 4 }));
      await once(socket, 'data');
      if (subscribe) {
        socket.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: subscribe, qos: 1 }] }));
        await once(socket, 'data');
      }
      return socket;
    },
  };
  return world;
}
