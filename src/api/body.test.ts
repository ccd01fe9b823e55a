// Bodies that never come whole, over real sockets: too slow, cut off half-way, half-open; and the next request is served.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { bodyOf } from './body.ts';
import { isProblem } from './problem.ts';

const SLOWEST_MS = 80;

describe('body of a request', () => {
  let server: Server;
  const lines: Socket[] = [];
  /** What became of each request: a status, or its value. */
  const ends: unknown[] = [];

  beforeEach(async () => {
    ends.length = 0;
    server = createServer((request, response) => {
      void bodyOf(request, SLOWEST_MS).then(body => {
        const status = isProblem(body) ? body.status : 200;
        ends.push(isProblem(body) ? status : body.value);
        if (!request.complete) response.shouldKeepAlive = false;
        response.writeHead(status).end();
        server.emit('ended');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    for (const line of lines.splice(0)) line.destroy();
    server.close();
    await once(server, 'close');
  });

  async function send(text: string): Promise<Socket> {
    const line = connect((server.address() as AddressInfo).port, '127.0.0.1');
    lines.push(line);
    line.on('error', () => undefined);
    await once(line, 'connect');
    line.write(text);
    return line;
  }
  const head = (more: string): string =>
    `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${more}\r\n\r\n`;
  const answerOf = async (line: Socket): Promise<string> => String((await once(line, 'data'))[0]);

  for (const [name, more] of [
    ['that promises more than it sends', 'Content-Length: 100'],
    ['in pieces without an end', 'Transfer-Encoding: chunked'],
  ])
    it(`${name} is answered 408, and its line is closed`, async () => {
      const line = await send(`${head(more!)}${more!.startsWith('T') ? '1\r\n{\r\n' : '{"a":'}`);
      const closed = once(line, 'close');
      assert.match(await answerOf(line), /^HTTP\/1\.1 408 .*Connection: close/is);
      await closed;
      assert.deepEqual(ends, [408]);
    });

  it('that trickles is not whole in time either', async () => {
    const line = await send(head('Content-Length: 1000'));
    const trickle = setInterval(() => line.write(' '), 10);
    assert.match(await answerOf(line), /^HTTP\/1\.1 408/);
    clearInterval(trickle);
  });

  it('whose sender is gone, or has closed its half, ends at once', async () => {
    const gone = await send(`${head('Content-Length: 100')}{`);
    const ended = once(server, 'ended');
    setImmediate(() => gone.destroy());
    await ended;
    assert.deepEqual(ends, [400]);
    const half = await send(`${head('Content-Length: 100')}{`);
    half.end();
    await once(server, 'ended');
    assert.deepEqual(ends, [400, 400]);
    await answerOf(await send(`${head('Content-Length: 8\r\nConnection: close')}{"a": 1}`));
    assert.deepEqual(ends[2], { a: 1 });
  });
});
