// While no live server is there but one soon will be: clients are told to come again, not that there is nothing here.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Endpoint, pathOf, refuseRequest, refuseUpgrade } from './endpoint.ts';
import { fileEndpoint } from './files.ts';
import { SSE_PATH } from './paths.ts';

const AGAIN_S = '2';

/** Stands in at these paths. The browser client is served all the same: it comes again by itself. */
export function awayEndpoint(leads: (path: string) => boolean): Endpoint {
  const files = fileEndpoint();
  return {
    leads: path => leads(path) || files.leads(path),
    request(request, response) {
      const path = pathOf(request);
      if (files.leads(path)) files.request(request, response);
      else if (path === SSE_PATH) endStream(request, response);
      else refuseRequest(response, 503, 'The live server is being started or deployed', { 'retry-after': AGAIN_S });
    },
    upgrade: (_request, socket) => refuseUpgrade(socket, 503),
    async close() {},
  };
}

/** An EventSource never comes back after another status than 200; after the end of a stream it does, with the same Last-Event-ID. */
function endStream({ headers: { origin } }: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    ...(origin !== undefined && { 'access-control-allow-origin': origin, vary: 'origin' }),
  });
  response.end(`retry: ${Number(AGAIN_S) * 1000}\n\n`);
}
