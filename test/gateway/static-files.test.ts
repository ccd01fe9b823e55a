// Files for browsers, as express sends them: packed and kept where that is safe; all other answers go as they are.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http, { type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setImmediate as immediately } from 'node:timers/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { packFiles } from '../../gateway/static-files.ts';
import { until } from '../support/until.ts';

const require = createRequire(import.meta.url);
const SCRIPT = 'const some = "words that come again"; '.repeat(100_000);
const FOR_EVER = 'public, max-age=31536000, immutable';

describe('files for browsers', () => {
  let folder: string;
  let server: http.Server;
  const files: Readonly<Record<string, string>> = {
    'main.js': SCRIPT,
    'style.css': SCRIPT,
    'small.js': 'let x;',
    'picture.png': SCRIPT,
    'page.html': SCRIPT,
    'assets/index-CrLoQPpq.js': SCRIPT,
  };
  let send: (() => void) | undefined;
  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-static-'));
    mkdirSync(path.join(folder, 'assets'));
    for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, name), content);
    // More than lies in the buffers on its way.
    writeFileSync(path.join(folder, 'random.js'), randomBytes(8 << 20).toString('hex'));
    const express = require('express');
    const app = express();
    app.get('/token', (_: unknown, response: { json(body: object): void }) => response.json({ token: SCRIPT }));
    app.get('/nodes', (_: unknown, response: { send(text: string): void }) => response.send(SCRIPT));
    app.get('/cookie/main.js', (_: unknown, response: http.ServerResponse & { sendFile(file: string): void }) => {
      response.setHeader('set-cookie', 'a=b');
      response.sendFile(path.join(folder, 'main.js'));
    });
    app.get('/events', (_: unknown, response: http.ServerResponse) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: one\n\n');
      send = () => response.end('data: two\n\n');
    });
    app.get('/page', (_: unknown, response: { sendFile(file: string): void }) =>
      response.sendFile(path.join(folder, 'page.html')),
    );
    app.use(express.static(folder));
    server = http.createServer((request, response) => {
      packFiles(request, response);
      app(request, response);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });

  const open = async (url: string, headers: OutgoingHttpHeaders = {}, method = 'GET'): Promise<IncomingMessage> => {
    const { port } = server.address() as AddressInfo;
    const asked = http.request({ host: '127.0.0.1', port, path: url, headers, method }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    return response;
  };
  const plain = (coding: string | undefined, body: Buffer): Buffer =>
    coding === 'br' ? brotliDecompressSync(body) : coding === 'gzip' ? gunzipSync(body) : body;

  const browser = 'gzip, deflate, br, zstd';
  const table: [what: string, url: string, accepted: string, coding: string | undefined, cache: string][] = [
    ['a script', '/main.js', browser, 'br', 'public, max-age=0'],
    ['a script for gzip alone', '/main.js', 'gzip', 'gzip', 'public, max-age=0'],
    ['a script where brotli is refused', '/main.js', 'br;q=0, gzip;q=0.5', 'gzip', 'public, max-age=0'],
    ['a script for nobody who unpacks', '/main.js', 'identity', undefined, 'public, max-age=0'],
    ['a style', '/style.css', browser, 'br', 'public, max-age=0'],
    ['a page that is a file', '/page', browser, 'br', 'public, max-age=0'],
    ['a small file', '/small.js', browser, undefined, 'public, max-age=0'],
    ['a picture', '/picture.png', browser, undefined, 'public, max-age=0'],
    ['a name that tells the content', '/assets/index-CrLoQPpq.js', browser, 'br', FOR_EVER],
    ['an address that tells the version', '/main.js?v=0123456789ab', browser, 'br', FOR_EVER],
  ];
  for (const [what, url, accepted, coding, cache] of table)
    it(`${what}: ${coding ?? 'as it is'}, ${cache}`, async () => {
      const response = await open(url, { 'accept-encoding': accepted });
      const body = await buffer(response);
      assert.deepEqual(
        [response.statusCode, response.headers['content-encoding'], response.headers['cache-control']],
        [200, coding, cache],
      );
      assert.equal(plain(coding, body).toString(), url === '/small.js' ? files['small.js'] : SCRIPT);
      if (coding !== undefined) {
        assert.ok(body.length < SCRIPT.length / 10, `${body.length} bytes`);
        assert.match(response.headers.vary ?? '', /Accept-Encoding/i);
        assert.equal(response.headers['content-length'], undefined);
      }
    });

  it('packs what the editor asks for of palettes', async () => {
    const response = await open('/nodes', { 'accept-encoding': browser });
    assert.equal(plain('br', await buffer(response)).toString(), SCRIPT);
    assert.equal(response.headers['cache-control'], undefined);
  });

  it('is not sent again where the browser has it, and says for how long that holds', async () => {
    const first = await open('/assets/index-CrLoQPpq.js', { 'accept-encoding': browser });
    await buffer(first);
    const again = await open('/assets/index-CrLoQPpq.js', {
      'accept-encoding': browser,
      'if-none-match': first.headers.etag,
    });
    assert.equal((await buffer(again)).length, 0);
    assert.deepEqual([again.statusCode, again.headers['cache-control']], [304, FOR_EVER]);
  });

  for (const [what, url, headers, method] of [
    ['what is made for a request', '/token', {}, 'GET'],
    ['a file that comes with a cookie', '/cookie/main.js', {}, 'GET'],
    ['a part of a file', '/main.js', { range: 'bytes=0-9999' }, 'GET'],
    ['a question for the head', '/main.js', {}, 'HEAD'],
    ['a name that is not there', '/assets/gone-CrLoQPpq.js?v=0123456789ab', {}, 'GET'],
  ] as const)
    it(`leaves ${what} as it is`, async () => {
      const response = await open(url, { 'accept-encoding': browser, ...headers }, method);
      await buffer(response);
      assert.equal(response.headers['content-encoding'], undefined);
      assert.notEqual(response.headers['cache-control'], FOR_EVER);
    });

  it('holds no stream up', async () => {
    const response = await open('/events', { 'accept-encoding': browser });
    const [first] = (await once(response, 'data')) as [Buffer];
    assert.equal(first.toString(), 'data: one\n\n');
    send?.();
    assert.equal((await buffer(response)).toString(), 'data: two\n\n');
  });

  it('waits for a client that reads slowly', async () => {
    const response = await open('/random.js', { 'accept-encoding': 'gzip' });
    let packed = 0;
    for await (const chunk of response) {
      packed += (chunk as Buffer).length;
      if (packed % 7 === 0) await immediately();
    }
    assert.ok(packed > 8 << 20 && packed < 10 << 20, `${packed} bytes`);
  });

  it('ends the work for a client that went away', async () => {
    const responses: http.ServerResponse[] = [];
    const listener = (_: unknown, response: http.ServerResponse) => responses.push(response);
    server.on('request', listener);
    const response = await open('/random.js', { 'accept-encoding': 'gzip' });
    await once(response, 'data');
    response.destroy();
    await until(() => responses[0]?.closed === true);
    assert.equal(responses[0]?.writableFinished, false);
    server.off('request', listener);
    assert.equal((await buffer(await open('/small.js'))).toString(), 'let x;');
  });
});
