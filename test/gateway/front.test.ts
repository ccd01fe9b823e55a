// The front itself: the status page, what it answers while it starts, doors before the gate, broken requests, a port in use.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { openFront } from '../../gateway/front.ts';
import { openGate } from '../../gateway/gate.ts';
import { healthBoard } from '../../gateway/health.ts';
import { openDoor } from '../../src/api/door.ts';
import type { Fault } from '../../src/kernel/fault.ts';
import { metric } from '../../src/kernel/metrics.ts';
import { basic, frontWith, password, upgrade } from './front-door.ts';

describe('front', () => {
  it('shows on the status page what does not work, details to those who are logged in', async () => {
    const guarded = await frontWith(true);
    guarded.health.set('database', false, 'refused by <db.internal>');
    const page = await guarded.get('/status', { accept: 'text/html' });
    const text = await page.text();
    assert.equal(page.status, 200);
    assert.match(text, /Not everything works/);
    assert.doesNotMatch(text, /db\.internal/);
    const login = { authorization: basic('admin', password) };
    assert.match(await (await guarded.get('/status', login)).text(), /refused by &#60;db\.internal&#62;/);
    const json = await (await guarded.get('/status', { accept: 'application/json' })).json();
    assert.deepEqual(json, { status: 'unready' });
    guarded.front.close();
  });

  it('answers 503 before the editor is there, and health all the time', async () => {
    const health = healthBoard();
    health.set('flows', false, 'starting');
    const front = await openFront({ host: '127.0.0.1', port: 0 }, openGate(), health, () => undefined);
    const base = `http://127.0.0.1:${front.address.port}`;
    assert.equal((await fetch(`${base}/health/live`)).status, 200);
    assert.equal((await fetch(`${base}/health`)).status, 503);
    assert.equal((await fetch(`${base}/`)).status, 503);
    front.close();
  });

  it('lets whoever asks for a key stand before the gate, on its own paths only', async () => {
    const guarded = await frontWith(true);
    const shut = openDoor(guarded.front.inner, {
      leads: path => path === '/api/ingest',
      request: (_request, response) => void response.writeHead(401).end('no key'),
      upgrade: (_request, socket) => void socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
    });
    assert.equal(await (await guarded.get('/api/ingest?x')).text(), 'no key');
    assert.equal((await guarded.get('/api/ingest', {}, { method: 'POST' })).status, 401);
    assert.equal(await upgrade(guarded.front, '/api/ingest'), 'HTTP/1.1 101 Switching Protocols');
    for (const path of [
      '/api/ingest/',
      '/api/ingest/../flows',
      '/API/ingest',
      '/%61pi/ingest',
      '//api/ingest',
      '/flows',
    ])
      assert.match(await (await guarded.get(path)).text(), /Log in as admin/, path);
    assert.equal(guarded.seen.length, 0);
    shut();
    assert.match(await (await guarded.get('/api/ingest')).text(), /Log in as admin/);
    guarded.front.close();
  });

  it('tells clients that a connection may rest for a minute', async () => {
    const open = await frontWith(false);
    assert.equal((await open.get('/flows')).headers.get('keep-alive'), 'timeout=65');
    open.front.close();
  });

  const broken: readonly [what: string, bytes: string, status: string][] = [
    ['bytes that are no HTTP', 'hello\r\n\r\n', '400'],
    ['headers without end', `GET / HTTP/1.1\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`, '431'],
    ['a length that is none', 'POST /api/ingest HTTP/1.1\r\nHost: x\r\nContent-Length: 1e3\r\n\r\n', '400'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', '400'],
  ];
  for (const [what, bytes, status] of broken)
    it(`answers ${what} with ${status}, and counts it`, async () => {
      const name = 'fieldline_http_broken_requests_total';
      const before = metric(name, { status });
      const open = await frontWith(false);
      const socket = net.connect(open.front.address.port, '127.0.0.1');
      socket.end(bytes);
      const answer = await text(socket);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} .*\r\n`));
      assert.equal(metric(name, { status }) - before, 1);
      open.front.close();
    });

  it('answers 500 to a request over which it fails itself, and says which in the log', async () => {
    const logged: unknown[] = [];
    const gate = { ...openGate(), passes: () => Promise.reject(new Error('no gate')) };
    const front = await openFront({ host: '127.0.0.1', port: 0 }, gate, healthBoard(), (...line) => logged.push(line));
    const answer = await fetch(`http://127.0.0.1:${front.address.port}/flows?x`);
    front.close();
    assert.deepEqual([answer.status, await answer.json()], [500, { title: 'Internal error', status: 500 }]);
    assert.deepEqual(logged, [['error', 'a request failed', { path: '/flows', reason: 'no gate' }]]);
  });

  it('says so when the port is in use', async () => {
    const other = net.createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as net.AddressInfo;
    await assert.rejects(
      openFront({ host: '127.0.0.1', port }, openGate(), healthBoard(), () => undefined),
      (error: Fault) => error.code === 'FIELDLINE_PORT_IN_USE' && error.message.includes(String(port)),
    );
    other.close();
  });
});
