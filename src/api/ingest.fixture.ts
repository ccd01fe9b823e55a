// For tests of ingest: a server with a door, keys that are known, and a flow that answers what the test says.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { fakeClock } from '../kernel/clock.ts';
import type { Ending } from '../kernel/ledger.ts';
import type { Reading } from '../reading/reading.ts';
import { timeLimits } from '../reading/time.ts';
import { openDoor } from './door.ts';
import type { Claim } from './ingest-claim.ts';
import { type Desk, ingestDesk } from './ingest-desk.ts';
import { ingestHandler, isIngestPath } from './ingest-http.ts';
import { type IngestSocketOptions, ingestSocket, SOCKET_PATH } from './ingest-socket.ts';
import type { Key } from './key-ring.ts';
import { rateLimit } from './rate.ts';

export const GATEWAY: Key = {
  id: 1,
  name: 'gw-1',
  kind: 'gateway',
  orgId: 'acme',
  perMinute: undefined,
  partial: false,
};
export const APP: Key = { ...GATEWAY, id: 2, name: 'phone', kind: 'app', orgId: undefined };

export type Scene = {
  url: string;
  clock: ReturnType<typeof fakeClock>;
  desk: Desk;
  /** By text; what is deleted is revoked. */
  keys: Map<string, Key>;
  /** What the flow does with readings; stored at once unless said otherwise. */
  deliver: (readings: readonly Reading[]) => Promise<readonly Ending[]>;
  /** Looks a key up; among `keys` unless said otherwise. */
  find: (text: string) => Promise<Key | undefined>;
  /** What has reached the flow. */
  received: Reading[];
  refused: Record<string, number>;
  /** Answers counted, by status. */
  answers: Record<number, number>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** As a deploy does. */
  closeSockets(): void;
  close(): Promise<void>;
};

export const stored = (readings: readonly Reading[]): readonly Ending[] =>
  readings.map(() => ({ end: 'stored', reason: undefined }));

export async function openScene(
  options: {
    answerMs?: number;
    window?: number;
    slowestMs?: number;
    claim?: Claim;
    socket?: Partial<IngestSocketOptions>;
  } = {},
): Promise<Scene> {
  const { answerMs = 5000, window = 1000, slowestMs = 5000, claim = async () => true } = options;
  const server = http.createServer((_request, response) => response.writeHead(404).end());
  const clock = fakeClock(Date.UTC(2026, 1, 11, 15));
  const keys = new Map([
    ['gateway-key', GATEWAY],
    ['app-key', APP],
  ]);
  const scene: Omit<Scene, 'desk' | 'url' | 'post' | 'closeSockets' | 'close'> = {
    ...{ clock, keys, received: [], refused: {}, answers: {} },
    deliver: async readings => stored(readings),
    find: async text => keys.get(text),
  };
  const desk = ingestDesk({
    ring: { find: text => scene.find(text), load: async () => {} },
    rate: rateLimit(clock),
    clock,
    perMinute: { gateway: 10, app: 600 },
    ...{ maxItems: 100, window, answerMs, times: timeLimits, claim },
    deliver(readings) {
      scene.received.push(...readings);
      return scene.deliver(readings);
    },
    onAnswer({ status }) {
      scene.answers[status] = (scene.answers[status] ?? 0) + 1;
    },
    onRefused(items, reason) {
      scene.refused[reason] = (scene.refused[reason] ?? 0) + items;
    },
  });
  const socket = ingestSocket(desk, { maxBytes: 10_000, checkMs: 60_000, ...options.socket });
  const shut = openDoor(server, {
    leads: path => path === SOCKET_PATH || isIngestPath(path),
    request: ingestHandler(desk, { maxBytes: 10_000, slowestMs }),
    upgrade: socket.upgrade,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(scene, {
    desk,
    url,
    post: (path: string, body: unknown, headers: Record<string, string> = { 'x-api-key': 'app-key' }) =>
      fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
      }),
    closeSockets: socket.close,
    async close() {
      shut();
      socket.close();
      server.close();
      server.closeAllConnections();
    },
  });
}
