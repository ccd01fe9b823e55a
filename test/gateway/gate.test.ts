// The front door: health for everybody, everything else behind one login, by cookie, bearer token or HTTP Basic.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { type Front, openFront } from '../../gateway/front.ts';
import { guardedGate, openGate, SESSION_HEADER } from '../../gateway/gate.ts';
import { healthBoard } from '../../gateway/health.ts';
import { openLogin } from '../../gateway/login.ts';
import { openDoor } from '../../src/api/door.ts';
import { fakeClock } from '../../src/kernel/clock.ts';
import type { Fault } from '../../src/kernel/fault.ts';
import { metric } from '../../src/kernel/metrics.ts';

const password = 'correct horse';
const basic = (user: string, secret: string) => `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;

/** A front that answers `inside <url>` for what gets through. */
async function frontWith(guarded: boolean, clock = fakeClock()) {
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
async function upgrade(front: Front, path: string, headers: Record<string, string> = {}): Promise<string> {
  const socket = net.connect(front.address.port, '127.0.0.1');
  const handshake = { 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' };
  const asked = { host: 'localhost', connection: 'Upgrade', upgrade: 'websocket', ...handshake, ...headers };
  const lines = Object.entries(asked);
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
  const [bytes] = await once(socket, 'data');
  socket.destroy();
  return String(bytes).split('\r\n')[0]!;
}

describe('gate with a password', () => {
  let at: Awaited<ReturnType<typeof frontWith>>;
  beforeEach(async () => {
    at = await frontWith(true);
  });
  afterEach(() => at.front.close());

  for (const path of [
    '/',
    '/flows',
    '/dashboard',
    '/dashboard/socket.io/?EIO=4',
    '/api/devices',
    '/settings',
    '/health/x',
  ])
    it(`asks for a login at ${path}`, async () => {
      const answer = await at.get(path);
      assert.equal(answer.status, 401);
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic/);
      assert.equal(((await answer.json()) as { status: number }).status, 401);
      assert.equal(at.seen.length, 0);
    });

  it('asks for no login with the dialog of the browser where a script asks', async () => {
    const answer = await at.get('/api/devices', { 'sec-fetch-site': 'same-origin' });
    assert.deepEqual([answer.status, answer.headers.get('www-authenticate')], [401, null]);
  });

  it('opens no socket before the flows are loaded', async () => {
    const early = await openFront({ host: '127.0.0.1', port: 0 }, openGate(), healthBoard(), () => undefined);
    assert.match(await upgrade(early, '/comms'), /503/);
    early.close();
  });

  it('lets no page of another site open a socket to the MQTT broker', async () => {
    at.front.mqtt = (_request, socket) => void socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    const admitted = { authorization: basic('admin', password) };
    assert.match(await upgrade(at.front, '/mqtt', { ...admitted, origin: 'https://other.example' }), /403/);
    assert.match(await upgrade(at.front, '/mqtt', { ...admitted, origin: 'http://localhost' }), /101/);
    assert.match(await upgrade(at.front, '/mqtt', admitted), /101/);
  });

  it('takes the offer of HTTP/2 that Java and curl make with each request for a request, with the same login', async () => {
    const offer = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' };
    assert.match(await upgrade(at.front, '/api/devices', offer), /401/);
    const admitted = { ...offer, authorization: basic('admin', password) };
    assert.match(await upgrade(at.front, '/api/devices', admitted), /200/);
    assert.equal(at.seen.length, 1);
  });

  for (const path of ['/ws', '/comms', '/mqtt', '/dashboard/socket.io/?EIO=4&transport=websocket'])
    it(`asks for a login before the WebSocket ${path}`, async () => {
      assert.match(await upgrade(at.front, path), /401/);
      assert.match(await upgrade(at.front, path, { authorization: basic('admin', 'wrong') }), /401/);
    });

  it('shows a browser the form, which leads back to where it wanted to go', async () => {
    const asked = await at.get('/dashboard?page=%22x%22', { accept: 'text/html' });
    assert.equal(asked.status, 401);
    assert.equal(asked.headers.get('www-authenticate'), null);
    const page = await asked.text();
    assert.match(page, /name="next" value="\/dashboard\?page=%22x%22"/);
    const entered = await at.post('/login', { username: 'admin', password, next: '/dashboard' });
    assert.equal(entered.status, 303);
    assert.equal(entered.headers.get('location'), '/dashboard');
    const cookie = entered.headers.get('set-cookie')!;
    assert.match(cookie, /HttpOnly; SameSite=Lax/);
    const session = cookie.split(';')[0]!;
    assert.equal(await (await at.get('/flows', { cookie: `a=b; ${session}; c=d` })).text(), 'inside /flows');
    assert.match(await upgrade(at.front, '/comms', { cookie: session }), /101/);
  });

  for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example', '/login', 'x'])
    it(`never leads to ${next}`, async () => {
      const entered = await at.post('/login', { username: 'admin', password, next });
      assert.equal(entered.headers.get('location'), '/');
    });

  it('lets HTTP Basic and a bearer token of /auth/token through', async () => {
    assert.equal((await at.get('/flows', { authorization: basic('admin', password) })).status, 200);
    const given = await at.post('/auth/token', { grant_type: 'password', username: 'admin', password });
    const token = (await given.json()) as { access_token: string };
    assert.equal((await at.get('/flows', { authorization: `Bearer ${token.access_token}` })).status, 200);
    assert.match(await upgrade(at.front, '/ws', { authorization: `Bearer ${token.access_token}` }), /101/);
  });

  it('hands on a session of its own and none that a client made up', async () => {
    await at.get('/flows', { authorization: basic('admin', password), [SESSION_HEADER]: 'made up' });
    assert.ok(at.login.isSession(String(at.seen[0]![SESSION_HEADER])));
  });

  const bad: [what: string, headers: Record<string, string>][] = [
    ['another user', { authorization: basic('root', password) }],
    ['a wrong password', { authorization: basic('admin', 'wrong') }],
    ['no colon', { authorization: `Basic ${Buffer.from('admin').toString('base64')}` }],
    ['no base64', { authorization: 'Basic ###' }],
    ['an empty bearer', { authorization: 'Bearer ' }],
    ['a forged session', { cookie: 'fieldline_session=9999999999.AAAA' }],
    ['a session without end', { cookie: 'fieldline_session=Infinity.AAAA' }],
    ['a made-up session header', { [SESSION_HEADER]: 'x' }],
  ];
  for (const [what, headers] of bad)
    it(`refuses ${what}`, async () => assert.equal((await at.get('/flows', headers)).status, 401));

  it('slows guessing down, from the sixth try on, and lets a session through meanwhile', async () => {
    const cookie = `fieldline_session=${at.login.session()}`;
    for (let n = 0; n < 5; n++)
      assert.equal((await at.get('/', { authorization: basic('admin', `no ${n}`) })).status, 401);
    const braked = await at.get('/', { authorization: basic('admin', password) });
    assert.equal(braked.status, 429);
    assert.equal(braked.headers.get('retry-after'), '1');
    assert.equal((await at.get('/', { cookie })).status, 200);
    at.clock.advance(1001);
    assert.equal((await at.get('/', { authorization: basic('admin', password) })).status, 200);
  });

  it('ends a session after a week, and with another password at once', async () => {
    const session = at.login.session();
    assert.equal(openLogin('another password', 'secret', at.clock).isSession(session), false);
    assert.equal(openLogin(password, 'another secret', at.clock).isSession(session), false);
    at.clock.advance(7 * 24 * 3600 * 1000 + 1000);
    assert.equal(at.login.isSession(session), false);
  });

  it('refuses a login body that is too large', async () => {
    const sent = at.post('/login', { username: 'admin', password: 'x'.repeat(100_000) });
    assert.equal((await sent).status, 400);
  });

  it('tells everybody whether it is ready, and only those logged in what is not', async () => {
    assert.deepEqual(await (await at.get('/health')).json(), { status: 'ready' });
    at.health.set('database', false, 'refused by db.internal');
    const answer = await at.get('/health');
    assert.equal(answer.status, 503);
    assert.deepEqual(await answer.json(), { status: 'unready' });
    const full = await at.get('/health', { authorization: basic('admin', password) });
    assert.equal(((await full.json()) as { parts: unknown[] }).parts.length, 2);
    assert.equal((await at.get('/health/live')).status, 200);
  });
});

describe('gate without a password', () => {
  let at: Awaited<ReturnType<typeof frontWith>>;
  beforeEach(async () => {
    at = await frontWith(false);
  });
  afterEach(() => at.front.close());

  it('is open under the names of this machine', async () => {
    assert.equal(await (await at.get('/flows')).text(), 'inside /flows');
    assert.match(await upgrade(at.front, '/comms', { host: '[::1]:1880' }), /101/);
  });

  it('is closed under any other name, so that no foreign page reaches it by DNS rebinding', async () => {
    assert.match(await upgrade(at.front, '/comms', { host: 'evil.example' }), /401/);
    assert.match(await upgrade(at.front, '/comms', { host: '127.0.0.1.evil.example' }), /401/);
  });

  it('lists the parts; what is only mentioned does not make it unready', async () => {
    at.health.mention('demo instruments', false, 'off');
    const answer = await at.get('/health');
    assert.equal(answer.status, 200);
    assert.deepEqual(await answer.json(), {
      status: 'ready',
      parts: [
        { part: 'flows', ready: true, detail: 'running', required: true },
        { part: 'demo instruments', ready: false, detail: 'off', required: false },
      ],
    });
  });
});

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
