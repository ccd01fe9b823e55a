// Requests that end in the HTTP parser, before a path is known: answered as Node itself would, and counted.
import type { Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { count } from '../src/kernel/metrics.ts';

const ANSWERS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** A connection that breaks off has asked nothing and is not counted. */
export function countBrokenRequests(server: Server): void {
  const answering = new WeakMap<Duplex, ServerResponse>();
  // What follows on a broken request breaks the parser again.
  const refused = new WeakSet<Duplex>();
  server.on('request', (request, response) => answering.set(request.socket, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const { code = '' } = error;
    if (!code.startsWith('HPE_') && ANSWERS[code] === undefined) return socket.destroy();
    if (refused.has(socket)) return;
    refused.add(socket);
    const answer = ANSWERS[code] ?? '400 Bad Request';
    count('fieldline_http_broken_requests_total', 1, { status: answer.slice(0, 3) });
    const response = answering.get(socket);
    // Nothing may be written into the middle of another answer.
    const free = response === undefined || !response.headersSent || response.writableFinished;
    if (socket.writable && free) socket.end(`HTTP/1.1 ${answer}\r\nConnection: close\r\n\r\n`, () => socket.destroy());
    else socket.destroy();
  });
}
