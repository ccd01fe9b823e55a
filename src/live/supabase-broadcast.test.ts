// Broadcasts over HTTP by hand: what is taken, what is refused and why, and a body that never ends.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { openAdmission } from './admission.ts';
import { type Served, serveEndpoint } from './live.fixture.ts';
import { broadcastEndpoint } from './supabase-broadcast.ts';
import { createRooms, roomName } from './supabase-rooms.ts';
import type { Broadcast } from './supabase-wire.ts';

const PATH = '/realtime/v1/api/broadcast';

describe('Supabase broadcasts over HTTP', () => {
  let served: Served;
  const heard: Broadcast[] = [];

  before(async () => {
    const rooms = createRooms();
    rooms.enter(roomName('room/1', undefined, false), { hear: one => void heard.push(one), see: () => {} });
    const admission = openAdmission({
      identify: ({ headers }) => (headers['apikey'] === 'bad' ? { refused: 'not you' } : { role: 'viewer' }),
      origins: ['https://scada.example'],
    });
    served = await serveEndpoint(broadcastEndpoint(rooms, admission, 100));
  });
  beforeEach(() => void heard.splice(0));
  after(() => served.close());

  const post = (
    body: string | Buffer<ArrayBuffer>,
    path = PATH,
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ) => fetch(`http://${served.at}${path}`, { method: 'POST', headers, body });
  const message = (payload: unknown) => JSON.stringify({ messages: [{ topic: 'room/1', event: 'é', payload }] });

  it('tells a list of messages, one in the address, and bytes', async () => {
    assert.equal((await post(message(3))).status, 202);
    assert.equal((await post('{"n":4}', `${PATH}/room%2F1/events/%C3%A9`)).status, 202);
    const bytes = { 'content-type': 'application/octet-stream' };
    assert.equal((await post(Buffer.of(1, 255), `${PATH}/room%2F1/events/raw?private=false`, bytes)).status, 202);
    assert.deepEqual(heard, [
      { event: 'é', payload: '3' },
      { event: 'é', payload: '{"n":4}' },
      { event: 'raw', payload: Buffer.of(1, 255) },
    ]);
  });

  it('keeps a private topic apart from the public one of its name', async () => {
    assert.equal((await post('{}', `${PATH}/room%2F1/events/e?private=true`)).status, 202);
    assert.deepEqual(heard, []);
  });

  const refused: [what: string, ask: () => Promise<Response>, status: number][] = [
    ['an empty body', () => post(''), 400],
    ['half a JSON', () => post('{'), 400],
    ['a list', () => post('[]'), 400],
    ['a message without topic', () => post('{"messages":[{}]}'), 400],
    ['null', () => post('null'), 400],
    [
      'more than 1000 messages',
      () => post(JSON.stringify({ messages: Array(1001).fill({ topic: 'a', event: 'e' }) })),
      400,
    ],
    ['a topic that is no URL text', () => post('{}', `${PATH}/%E0%A4%A/events/e`), 400],
    ['a body that is too large', () => post('x'.repeat(2_000_000)), 413],
    ['a bad key', () => post(message(1), PATH, { apikey: 'bad' }), 401],
    ['another method', () => fetch(`http://${served.at}${PATH}`), 405],
    ['a page of another site', () => post(message(1), PATH, { origin: 'https://evil.example' }), 403],
  ];
  for (const [what, ask, status] of refused)
    it(`answers ${status} to ${what}`, async () => {
      const answer = await ask();
      assert.equal(answer.status, status);
      assert.equal(((await answer.json()) as { status: number }).status, status);
      assert.deepEqual(heard, []);
    });

  it('answers 408 to a body that does not end, and closes the line', async () => {
    const [host, port] = served.at.split(':');
    const line = connect(Number(port), host).setEncoding('utf8');
    line.write(
      `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: text/json\r\nContent-Length: 1000\r\n\r\n{"messages":`,
    );
    let text = '';
    line.on('data', chunk => {
      text += chunk;
    });
    await once(line, 'close');
    assert.match(text, /^HTTP\/1.1 408 [\s\S]*connection: close[\s\S]*Expected all of it within 0.1 s/i);
  });

  it('lets pages of listed sites ask first', async () => {
    const ask = (origin: string) => fetch(`http://${served.at}${PATH}`, { method: 'OPTIONS', headers: { origin } });
    const allowed = await ask('https://scada.example');
    assert.deepEqual([allowed.status, allowed.headers.get('access-control-allow-methods')], [204, 'POST']);
    assert.equal((await ask('https://evil.example')).status, 403);
  });
});
