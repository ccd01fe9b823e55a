// The gate: health for everybody, everything else behind one login, by cookie, bearer token or HTTP Basic.
import assert from 'node:assert/strict';
import { openFront } from '../../gateway/front.ts';
import { openGate, SESSION_HEADER } from '../../gateway/gate.ts';
import { healthBoard } from '../../gateway/health.ts';
import { openLogin } from '../../gateway/login.ts';
import { basic, frontWith, password, upgrade } from './front-door.ts';

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
