// The end of an answer to a request whose body nobody reads: a line that is closed on a client still sending costs it the answer.
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What is left of a body that was refused may take so long; a client that sends a byte now and then holds no connection. */
const REST_MS = 15_000;
/** And be so long. Whoever announces more is answered, and his line is closed at once. */
const REST_BYTES = 64 * 1024 * 1024;

/**
 * Sends `text`, the whole body of an answer whose head is written. Many clients read an answer only when they have sent all of
 * their request, and a line with unread bytes is reset when it is closed: so the rest is taken and thrown away before.
 */
export function endUnread(request: IncomingMessage, response: ServerResponse, text: string, restMs = REST_MS): void {
  if (request.complete || Number(request.headers['content-length']) > REST_BYTES) {
    response.end(text);
    return;
  }
  response.flushHeaders();
  if (text !== '') response.write(text);
  let bytes = 0;
  const discard = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > REST_BYTES) request.destroy();
  };
  const cut = setTimeout(() => request.destroy(), restMs).unref();
  const end = () => {
    clearTimeout(cut);
    response.end();
  };
  request.on('data', discard).once('end', end).once('close', end).resume();
}
