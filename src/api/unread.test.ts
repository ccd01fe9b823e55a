// Refusals reach clients that read an answer only when they have sent all they have; who sends too much or too long is cut off.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { openWorld } from './api.fixture.ts';
import { openScene } from './ingest.fixture.ts';
import { endUnread } from './unread.ts';

/** More than the kernel holds on a line: who does not read it, does not let it be written. */
const LARGE = 24 * 1024 * 1024;

/** Sends the whole request before it reads a byte, as many clients of devices do; all that is answered. */
async function postWhole(port: number, head: string, body: Buffer | undefined): Promise<string> {
  const socket = net.connect(port, '127.0.0.1').pause();
  await once(socket, 'connect');
  socket.write(head);
  if (body !== undefined)
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject).write(body, error => (error ? reject(error) : resolve()));
    });
  let answer = '';
  socket.on('data', chunk => (answer += chunk)).resume();
  await once(socket, 'close');
  return answer;
}

const head = (path: string, length: number) =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: app-key\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

describe('an answer to a body that nobody reads', () => {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });
  const portOf = (url: string) => Number(new URL(url).port);

  const doors: readonly [name: string, path: string, status: number, open: () => Promise<number>][] = [
    [
      'of ingest',
      '/api/ingest',
      413,
      async () => {
        const scene = await openScene();
        closers.push(scene.close);
        return portOf(scene.url);
      },
    ],
    [
      'of the API',
      '/metrics',
      405,
      async () => {
        const world = await openWorld(async () => []);
        closers.push(world.close);
        return portOf(world.base);
      },
    ],
  ];
  for (const [name, path, status, open] of doors)
    it(`${name} reaches a client that sends all of it first`, async () => {
      const answer = await postWhole(await open(), head(path, LARGE), Buffer.alloc(LARGE, ' '));
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*"status":${status}`));
    });

  it('waits for the rest of a body so long and no longer', async () => {
    const server = http.createServer((request, response) => {
      response.writeHead(413, { 'content-length': 3, connection: 'close' });
      endUnread(request, response, 'no!', 30);
    });
    closers.push(() => server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    assert.match(await postWhole((server.address() as AddressInfo).port, head('/', 5000), undefined), /no!$/);
  });
});
