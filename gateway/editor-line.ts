// The line of the editor, /comms: each frame is looked at before Node-RED gets it, whose listener ends the process on a bare `null`.
import { once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { filterFault } from '../src/kernel/topic.ts';

export const EDITOR_LINE = '/comms';
const MOST_BYTES = 1_000_000;
/** What no regular expression trips over. */
const FILTER = /^[\w/#+:.-]{1,200}$/;
const NO_LINE = 1011;
const POLICY = 1008;

/** Of `inner`, where Node-RED listens: it is reached by a line within this process. */
export function editorLine(inner: Server) {
  const outside = new WebSocketServer({ noServer: true, maxPayload: MOST_BYTES });

  async function join(client: WebSocket, request: IncomingMessage): Promise<void> {
    const [near, far] = await socketPair();
    inner.emit('connection', far);
    const editor = new WebSocket(`ws://localhost${request.url}`, {
      headers: headersOf(request),
      perMessageDeflate: false,
      createConnection: () => near,
    });
    editor.on('message', data => client.send(String(data)));
    editor.on('close', () => client.close());
    client.on('close', () => editor.terminate());
    await once(editor, 'open');
    client.on('message', data => {
      const frame = String(data);
      if (isOfEditor(frame)) editor.send(frame);
      else client.close(POLICY, 'expected a frame of the editor');
    });
    if (client.readyState === client.OPEN) client.resume();
    else editor.terminate();
  }

  return (request: IncomingMessage, socket: Duplex, head: Buffer): void =>
    outside.handleUpgrade(request, socket, head, client => {
      client.on('error', () => undefined);
      // What comes before the line is there waits.
      client.pause();
      join(client, request).catch(() => client.close(NO_LINE));
    });
}

/** Both ends of a connection. Sockets, as Node-RED asks more of one than of any stream. */
async function socketPair(): Promise<[near: Socket, far: Socket]> {
  const listener = net.createServer().listen(0, '127.0.0.1');
  try {
    await once(listener, 'listening');
    const near = net.connect((listener.address() as AddressInfo).port, '127.0.0.1');
    const [[far]] = (await Promise.all([once(listener, 'connection'), once(near, 'connect')])) as [[Socket], unknown];
    if (far.remotePort === near.localPort) return [near, far];
    // Another program was faster.
    far.destroy();
    near.destroy();
    throw new Error('expected a line of our own, got that of another program');
  } finally {
    listener.close();
  }
}

/** Those of the handshake are made anew. */
function headersOf({ headers }: IncomingMessage) {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^(connection|upgrade|sec-websocket-.*)$/.test(name)),
  );
}

/** `{ auth }`, `{ subscribe }` or `{ topic, data }`. A filter becomes a regular expression there, so it has to be one of MQTT. */
function isOfEditor(frame: string): boolean {
  let message: unknown;
  try {
    message = JSON.parse(frame);
  } catch {
    return false;
  }
  if (typeof message !== 'object' || message === null) return false;
  const { auth, subscribe, topic } = message as Record<string, unknown>;
  if (![auth, subscribe, topic].every(text => text === undefined || typeof text === 'string')) return false;
  return subscribe === undefined || (FILTER.test(String(subscribe)) && filterFault(String(subscribe)) === undefined);
}
