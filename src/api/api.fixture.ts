// The API on a server of its own over a real PostgreSQL, for tests: tokens, requests, and an intake that writes what it is given.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Ending } from '../kernel/ledger.ts';
import { type Claims, readToken, signToken } from '../kernel/token.ts';
import type { Query } from '../reading/contracts.ts';
import type { Identify } from '../reading/principal.ts';
import { type HttpApiOptions, serveApi } from './http-api.ts';
import { type Intake, offerIntake } from './intake.ts';

const SECRET = 'the secret of the tests';

/** As the gateway does it on loopback: anonymous is a viewer, a token is checked. */
export const identify: Identify = ({ headers }) => {
  const bearer = /^Bearer (\S+\.\S+\.\S*)$/.exec(headers.authorization ?? '')?.[1];
  if (bearer === undefined) return { role: 'viewer' };
  const claims = readToken(bearer, SECRET, Date.now());
  return 'refused' in claims ? claims : { role: claims.role, org: claims.org_id, subject: claims.sub };
};

export function tokenFor(role: Claims['role'], org: string): string {
  return signToken({ sub: 'tester', org_id: org, role, exp: Math.floor(Date.now() / 1000) + 600 }, SECRET);
}

export type World = {
  server: Server;
  base: string;
  faults: unknown[];
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  send(method: string, path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  offer(intake: Intake): () => void;
  shut(): void;
  close(): Promise<void>;
};

export async function openWorld(query: Query, options: Partial<HttpApiOptions> = {}): Promise<World> {
  const server = createServer((_request, response) => response.writeHead(404).end());
  const faults: unknown[] = [];
  const shut = serveApi(server, {
    ...{ query, identify, onFault: (_where, error) => void faults.push(error) },
    ...options,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    server,
    base,
    faults,
    get: (path, headers = {}) => fetch(base + path, { headers }),
    send: (method, path, body, headers = {}) =>
      fetch(base + path, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    offer: intake => offerIntake(server, intake),
    shut,
    async close() {
      shut();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Writes the readings as the flow's sink would, with a score. */
export function writingIntake(query: Query): Intake {
  return async readings => {
    for (const { deviceId, timestamp, telemetry, metadata } of readings)
      await query(
        `INSERT INTO measurements (device_id, timestamp, digest, value_mm, session_id, element_type, element_id, raw_hex, source, anomaly_score, org_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
        [
          ...[deviceId, timestamp, metadata.digest, telemetry['value_mm'], metadata.sessionId, metadata.elementType],
          ...[metadata.elementId, metadata.rawHex, metadata.source, metadata.receivedScore ?? 1, metadata.orgId],
        ],
      );
    return readings.map((): Ending => ({ end: 'stored', reason: undefined }));
  };
}

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}
