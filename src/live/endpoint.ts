// An endpoint: one live protocol at its paths of an HTTP server. Several of them stand together behind one door.
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

export type Endpoint = {
  /** Is a path, as it stands in the URL, one of this endpoint's? */
  leads(path: string): boolean;
  request(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Sends every client away; they come back by themselves. */
  close(): Promise<void>;
};

export function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split(/[?#]/, 1)[0]!;
}

/** Fields of the URL's query. */
export function queryOf({ url = '/' }: IncomingMessage): URLSearchParams {
  const query = /^[^?#]*\?([^#]*)/.exec(url)?.[1];
  return new URLSearchParams(query);
}

/** Several as one; the first that a path leads to takes it. */
export function together(endpoints: readonly Endpoint[]): Endpoint {
  const at = (request: IncomingMessage): Endpoint | undefined => endpoints.find(({ leads }) => leads(pathOf(request)));
  return {
    leads: path => endpoints.some(endpoint => endpoint.leads(path)),
    request: (request, response) => at(request)?.request(request, response),
    upgrade: (request, socket, head) => at(request)?.upgrade(request, socket, head),
    async close() {
      await Promise.all(endpoints.map(endpoint => endpoint.close()));
    },
  };
}

/** Whoever comes too early waits at the door. */
export function whenReady(endpoint: Endpoint, ready: Promise<void>): Endpoint {
  let isReady = false;
  void ready.then(() => {
    isReady = true;
  });
  return {
    ...endpoint,
    request(request, response) {
      if (isReady) endpoint.request(request, response);
      else void ready.then(() => endpoint.request(request, response));
    },
    upgrade(request, socket, head) {
      if (isReady) endpoint.upgrade(request, socket, head);
      else void ready.then(() => endpoint.upgrade(request, socket, head));
    },
  };
}

export function refuseUpgrade(socket: Duplex, status: number): void {
  socket.on('error', () => {});
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** An answer of problem details (RFC 9457), for requests that no client of ours makes. */
export function refuseRequest(
  response: ServerResponse,
  status: number,
  title: string,
  headers: Readonly<Record<string, string>> = {},
): undefined {
  response.writeHead(status, { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers });
  response.end(JSON.stringify({ title, status }));
}
