// While no flow takes what is posted, but one soon will: senders are told to come again, not that there is nothing here.
import type { Server } from 'node:http';
import { openDoor } from './door.ts';
import { refusal } from './ingest-answer.ts';
import { isIngestPath, respond } from './ingest-http.ts';
import { SOCKET_PATH } from './ingest-socket.ts';
import { problem } from './problem.ts';

const AGAIN_S = '2';

/** Until the returned function is called; whoever opens a door later comes first. */
export function restIngest(server: Server): () => void {
  const says = 'the flows are being started or deployed';
  return openDoor(server, {
    leads: path => path === SOCKET_PATH || isIngestPath(path),
    request: (request, response) =>
      respond(request, response, refusal(problem(503, 'Not now', says), { 'retry-after': AGAIN_S })),
    upgrade(_request, socket) {
      socket.on('error', () => socket.destroy());
      socket.end(`HTTP/1.1 503 Service Unavailable\r\nRetry-After: ${AGAIN_S}\r\nContent-Length: 0\r\n\r\n`);
    },
  });
}
