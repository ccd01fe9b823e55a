// The HTTP sink on the wire: answers ahead of the answer, connections that were kept too long, pages, certificates.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { Fault } from '../kernel/fault.ts';
import { httpSink, type Post } from './http.ts';

const post = (n: number): Post => ({ id: `id-${n}`, body: JSON.stringify({ n }) });
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

describe('http sink on the wire', () => {
  let server: Server | undefined;
  let sockets: Socket[] = [];
  let heard: string[] = [];
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    sockets = [];
    heard = [];
    server?.close();
    if (server !== undefined) await once(server, 'close');
    server = undefined;
  });

  /** A server that does with each whole request what `answer` says; a sink that posts to it. */
  async function open(answer: (socket: Socket) => void, tls?: { key: string; cert: string }) {
    const listen = (socket: Socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', data => {
        heard.push(...[...String(data).matchAll(/idempotency-key: (\S+)/gi)].map(([, key]) => key!));
        if (String(data).includes('}')) answer(socket);
      });
    };
    server = tls === undefined ? createServer(listen) : createTlsServer(tls, listen);
    server.on('tlsClientError', () => undefined);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    return httpSink({ url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/in`, timeoutMs: 5000 });
  }
  const away = (says: RegExp) => (fault: unknown) => {
    assert.ok(fault instanceof Fault && fault.kind === 'outage');
    assert.match(fault.message, says);
    return true;
  };

  for (const [name, answer] of [
    ['100 Continue that nobody asked for', `HTTP/1.1 100 Continue\r\n\r\n${OK}`],
    ['103 Early Hints', `HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n${OK}`],
    ['102 and 100, more than once', `HTTP/1.1 102 Processing\r\n\r\n${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(3)}${OK}`],
  ] as const)
    it(`${name} is not the answer`, async () => {
      const sink = await open(socket => socket.write(answer));
      assert.deepEqual(await sink.write([post(1), post(2)]), ['stored', 'stored']);
      assert.deepEqual(heard, ['id-1', 'id-2']);
    });

  it('another protocol that nobody asked for is an outage', async () => {
    const sink = await open(socket =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n'),
    );
    await assert.rejects(sink.write([post(1)]), away(/closed without an answer/));
  });

  it('a refusal behind 100 Continue is one', async () => {
    const sink = await open(socket =>
      socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 422 No\r\ncontent-length: 0\r\n\r\n'),
    );
    assert.deepEqual(await sink.write([post(1)]), [{ rejected: 'HTTP 422' }]);
  });

  it('HTTP/1.0, which says by the end of the connection that it has said all', async () => {
    const sink = await open(socket => socket.end('HTTP/1.0 200 OK\r\n\r\nok'));
    assert.deepEqual(await sink.write([post(1), post(2)]), ['stored', 'stored']);
    assert.equal(sockets.length, 2);
  });

  it('a connection that the server has closed between two requests is no outage, and the key stays', async () => {
    let answered = 0;
    const sink = await open(socket => {
      // Every second request of a connection finds it closed.
      if (++answered % 2 === 0) socket.resetAndDestroy();
      else socket.write(OK);
    });
    assert.deepEqual(await sink.write([post(1), post(2), post(3)]), ['stored', 'stored', 'stored']);
    assert.deepEqual(heard, ['id-1', 'id-2', 'id-2', 'id-3', 'id-3']);
  });

  it('a fresh connection that is closed without an answer is an outage', async () => {
    const sink = await open(socket => socket.resetAndDestroy());
    await assert.rejects(sink.write([post(1)]), away(/ECONNRESET/));
    assert.deepEqual(heard, ['id-1']);
  });

  for (const [page, outcome] of [
    ['<!DOCTYPE html>\n<title>Log in</title>', /HTTP 200 with a page, not an answer: <!DOCTYPE html> <title>Log in/],
    ['\n<html lang="en"><body>Welcome', /with a page.*no proxy or login between/],
    ['\ufeff<?xml version="1.0"?>\n<!-- portal\n7 --> <html>', /with a page/],
    // As many ways to read it as there are comments, each once more than the one before: looked at for ever.
    ['<!---->'.repeat(40) + 'stored', undefined],
    ['<ok/>', undefined],
    ['<!-- stored --> <ok/>', undefined],
    ['stored <html>', undefined],
  ] as const)
    it(`200 with ${JSON.stringify(page)} is ${outcome === undefined ? 'an answer' : 'none'}`, async () => {
      const sink = await open(socket =>
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(page)}\r\n\r\n${page}`),
      );
      if (outcome === undefined) assert.deepEqual(await sink.write([post(1)]), ['stored']);
      else await assert.rejects(sink.write([post(1)]), away(outcome));
    });

  it('a certificate that nobody vouches for: the reason says what to do', async function () {
    const made = selfSigned();
    // Made with openssl; where it is missing this is not tested.
    if (made === undefined) return this.skip();
    const sink = await open(socket => socket.write(OK), made);
    await assert.rejects(sink.write([post(1)]), away(/self-signed certificate; .*NODE_EXTRA_CA_CERTS/));
    assert.deepEqual(heard, []);
  });

  it('https:// where nobody speaks TLS: the reason says what to do', async () => {
    const plain = await open(socket => socket.write(OK));
    await plain.close();
    const { port } = server!.address() as AddressInfo;
    server!.on('connection', socket => socket.write('no TLS at all'));
    await assert.rejects(httpSink({ url: `https://127.0.0.1:${port}/` }).write([post(1)]), away(/; .* use http:\/\//));
  });
});

function selfSigned(): { key: string; cert: string } | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'fieldline-cert-'));
  const [key, cert] = ['key', 'cert'].map(name => path.join(folder, name)) as [string, string];
  const asked = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=127.0.0.1'];
  const { status } = spawnSync('openssl', ['req', ...asked, '-keyout', key, '-out', cert]);
  const made = status === 0 ? { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') } : undefined;
  rmSync(folder, { recursive: true });
  return made;
}
