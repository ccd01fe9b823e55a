// Live sockets of a gateway with a login: who gets on to them, with which token, and who does not.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import type { Gateway } from '../../bench/gateway.ts';
import { signToken } from '../../src/kernel/token.ts';
import { type GatewayOnDatabase, gatewayOnDatabase } from '../support/gateway.ts';

const SECRET = 'the secret of this test';

describe('live sockets of a gateway with a login', () => {
  let running: GatewayOnDatabase;
  let gateway: Gateway;

  before(async function () {
    const env = { FIELDLINE_SECRET: SECRET, FIELDLINE_ADMIN_PASSWORD: 'correct horse', FIELDLINE_DEMO: 'off' };
    running = await gatewayOnDatabase(this, 'sockets_login', env);
    ({ gateway } = running);
  });
  after(() => running?.remove());

  // Of the moment at which the file is read; the suites before this one take their time.
  const exp = Math.floor(Date.now() / 1000) + 86_400;
  const token = signToken({ sub: 'app', org_id: 'A', role: 'viewer', exp }, SECRET);

  async function answerTo(given: string | undefined, headers: Record<string, string> = {}): Promise<unknown> {
    const client = new WebSocket(`${gateway.url.replace('http', 'ws')}/ws`, { headers });
    await once(client, 'open');
    client.send(JSON.stringify({ id: 1, connect: given === undefined ? {} : { token: given } }));
    const answered = once(client, 'message').then(([frame]) => Object.keys(JSON.parse(String(frame)))[1]);
    const answer = await Promise.race([answered, once(client, 'close').then(([code]) => code)]);
    client.terminate();
    return answer;
  }

  it('take a token that comes only with connect, or the login, and nobody else', async () => {
    assert.equal(await answerTo(token), 'connect');
    assert.equal(await answerTo(undefined), 3500);
    assert.equal(await answerTo('anything'), 3500);
    const authorization = `Basic ${Buffer.from('admin:correct horse').toString('base64')}`;
    assert.equal(await answerTo(undefined, { authorization }), 'connect');
    assert.equal((await fetch(`${gateway.url}/sse?channel=alarms`)).status, 401);
    const stream = await fetch(`${gateway.url}/sse?channel=alarms&token=${token}`);
    assert.equal(stream.status, 200);
    await stream.body!.cancel();
    for (const [auth, happens] of [
      [{ token }, 'connect'],
      [{}, 'connect_error'],
    ] as const) {
      const socket = io(gateway.url, { auth, reconnection: false, forceNew: true });
      await once(socket as never, happens);
      socket.disconnect();
    }
  });
});
