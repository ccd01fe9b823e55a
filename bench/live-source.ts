// The process of a live server without a gateway, which publishes measurements at a rate; started by figures/fan-out.ts.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as socketIo from 'socket.io';
import { pathOf } from '../src/live/endpoint.ts';
import { createHub } from '../src/live/hub.ts';
import { openLiveServer } from '../src/live/live-server.ts';
import type { SocketIo } from '../src/live/socket-io-package.ts';
import type { Reading } from '../src/reading/reading.ts';

const [rate = '100', devices = '20'] = process.argv.slice(2).map(Number);
const STEP_MS = 10;

const hub = createHub();
const server = createServer();
const { endpoint } = openLiveServer(hub, {
  ...{ at: server, path: '/ws', others: true, socketIo: socketIo as unknown as SocketIo, origins: [] },
  identify: () => ({ role: 'viewer' }),
  ...{ maxConnections: 10_000, maxSubscriptions: 128, queueBytes: 4 * 1024 * 1024, pingMs: 25_000 },
});
server.on('request', (request, response) => endpoint.request(request, response));
server.on('upgrade', (request, socket, head) => {
  if (endpoint.leads(pathOf(request))) endpoint.upgrade(request, socket, head);
});
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));

let published = 0;
const began = performance.now();
/** Its value is when it is published, milliseconds since the epoch. */
function reading(): Reading {
  const now = performance.timeOrigin + performance.now();
  const deviceId = `AA:BB:CC:DD:EE:${(published++ % Number(devices)).toString(16).padStart(2, '0').toUpperCase()}`;
  const metadata = {
    sessionId: 'uuid-session-123',
    elementType: 'gevel',
    elementId: 'uuid-element-456',
    source: 'bridge',
  };
  return {
    ...{ deviceId, protocol: 'bluetooth', timestamp: new Date(now).toISOString() },
    ...{ telemetry: { value_mm: now }, metadata },
  };
}
const step = setInterval(() => {
  const due = Math.floor(((performance.now() - began) / 1000) * Number(rate)) - published;
  if (due > 0) hub.publish(Array.from({ length: due }, reading));
}, STEP_MS);

process.on('disconnect', () => {
  clearInterval(step);
  server.close();
  server.closeAllConnections();
  hub.close();
  process.exit();
});
