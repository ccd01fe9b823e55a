// For suites of the front door: a front on a free port with or without a login, and WebSocket handshakes by hand.
import { once } from 'node:events';
import net from 'node:net';
import { type Front, openFront } from '../../gateway/front.ts';
import { guardedGate, openGate } from '../../gateway/gate.ts';
import { healthBoard } from '../../gateway/health.ts';
import { openLogin } from '../../gateway/login.ts';
import { fakeClock } from '../../src/kernel/clock.ts';

export const password = 'correct horse';
export const basic = (user: string, secret: string) => `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;

/** A front that answers `inside <url>` for what gets through. */
export async function frontWith(guarded: boolean, clock = fakeClock()) {
  const login = openLogin(password, 'secret', clock);
  const health = healthBoard();
  health.set('flows', true, 'running');
  const gate = guarded ? guardedGate(login, () => undefined) : openGate();
  const front = await openFront({ host: '127.0.0.1', port: 0 }, gate, health, () => undefined);
  const seen: Record<string, unknown>[] = [];
  front.inner.on('request', (request, response) => {
    seen.push(request.headers);
    response.end(`inside ${request.url}`);
  });
  front.inner.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\ninside'));
  front.open();
  const base = `http://127.0.0.1:${front.address.port}`;
  const get = (path: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
    fetch(base + path, { redirect: 'manual', ...init, headers });
  const post = (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
    get(path, headers, { method: 'POST', body: new URLSearchParams(form) });
  return { front, health, login, clock, seen, get, post };
}

/** First line of the answer to a WebSocket upgrade. */
export async function upgrade(front: Front, path: string, headers: Record<string, string> = {}): Promise<string> {
  const socket = net.connect(front.address.port, '127.0.0.1');
  const handshake = { 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' };
  const asked = { host: 'localhost', connection: 'Upgrade', upgrade: 'websocket', ...handshake, ...headers };
  const lines = Object.entries(asked);
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
  const [bytes] = await once(socket, 'data');
  socket.destroy();
  return String(bytes).split('\r\n')[0]!;
}
