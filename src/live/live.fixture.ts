// For the tests of this room: readings, and a server on a free port that serves endpoints and forgets no line.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Reading } from '../reading/reading.ts';
import { type Endpoint, pathOf } from './endpoint.ts';
import type { Hub } from './hub.ts';

/** A measurement of device D1; its value is also its second. */
export function laser(value: number, metadata: Reading['metadata'] = {}, deviceId = 'D1'): Reading {
  const timestamp = new Date(Date.UTC(2026, 0, 1) + value * 1000).toISOString();
  return { deviceId, protocol: 'bluetooth', timestamp, telemetry: { value_mm: value }, metadata };
}

export type Served = {
  /** Host and port. */
  at: string;
  /** Cuts every line, as a network does. */
  cut(): void;
  close(): Promise<void>;
};

export async function serveEndpoint(endpoint: Endpoint, port = 0): Promise<Served> {
  const lines = new Set<Socket>();
  const server = createServer();
  server.on('connection', line => {
    lines.add(line);
    line.on('error', () => {});
    line.once('close', () => lines.delete(line));
  });
  server.on('request', (request, response) => {
    if (endpoint.leads(pathOf(request))) endpoint.request(request, response);
    else response.writeHead(404).end();
  });
  server.on('upgrade', (request, socket, head) => {
    if (endpoint.leads(pathOf(request))) endpoint.upgrade(request, socket, head);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const line of lines) line.destroy();
  };
  return {
    at: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

export type Visited<Client> = {
  /** Serves it until the end of the test. */
  serve(hub: Hub, endpoint: Endpoint): Promise<Served>;
  /** Has a client leave at the end of the test, and gives it back. */
  joined<One extends Client>(client: One): One;
};

/** To be called in a `describe`: after each of its tests clients leave, then endpoint, hub and server are closed. */
export function visited<Client>(leave: (client: Client) => void): Visited<Client> {
  const clients: Client[] = [];
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) leave(client);
    for (const close of closers.splice(0)) await close();
  });
  return {
    async serve(hub, endpoint) {
      const served = await serveEndpoint(endpoint);
      closers.push(async () => {
        await endpoint.close();
        hub.close();
        await served.close();
      });
      return served;
    },
    joined(client) {
      clients.push(client);
      return client;
    },
  };
}
