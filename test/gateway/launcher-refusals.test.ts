// The launcher with every wrong environment: it ends at once, with a sentence that says what to do, and tells no secret.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { onLauncher } from './launched.ts';

describe('launcher refuses, with what to do,', () => {
  const on = onLauncher();

  const closed = 'postgresql://someone:s3cret-pw@127.0.0.1:1/none';
  const rows: [what: string, env: Record<string, string>, says: RegExp][] = [
    ['HOST without password', { HOST: '0.0.0.0' }, /FIELDLINE_ADMIN_PASSWORD/],
    ['a PORT that is none', { PORT: 'http' }, /PORT: expected a port/],
    ['an unwritable directory', { FIELDLINE_DIR: '/proc/fieldline' }, /FIELDLINE_DIR.*\/proc\/fieldline/s],
    ['a database that is not there', { DATABASE_URL: closed }, /ECONNREFUSED.*DATABASE_URL/s],
    ['a broker that is not there', { MQTT_URL: 'mqtt://u:s3cret-pw@127.0.0.1:1' }, /127\.0\.0\.1:1.*MQTT_URL/s],
    ['a broker on an unknown host', { MQTT_URL: 'mqtt://no-such-host.invalid' }, /no-such-host\.invalid/],
  ];
  for (const [what, env, says] of rows)
    it(what, async () => {
      const { ended, out, logs } = on.launch(env);
      assert.equal((await ended)[0], 1);
      assert.match(out(), /^Fieldline cannot start\./);
      assert.match(out(), says);
      assert.ok(logs().some(({ code, next }) => typeof code === 'string' && typeof next === 'string'));
      assert.ok(!out().includes('s3cret-pw') && !JSON.stringify(logs()).includes('s3cret-pw'));
      assert.deepEqual(on.left(), []);
    });

  for (const variable of ['PORT', 'MQTT_LISTEN'] as const)
    it(`${variable} in use`, async () => {
      const other = net.createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      const { port } = other.address() as net.AddressInfo;
      try {
        const { ended, out } = on.launch({ [variable]: variable === 'PORT' ? `${port}` : `127.0.0.1:${port}` });
        assert.equal((await ended)[0], 1);
        assert.match(out(), new RegExp(`127\\.0\\.0\\.1:${port}[\\s\\S]*choose another port`));
        assert.deepEqual(on.left(), []);
      } finally {
        other.close();
      }
    });

  it('something that is no broker behind MQTT_URL', async () => {
    const other = net.createServer(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as net.AddressInfo;
    try {
      const { ended, out } = on.launch({ MQTT_URL: `mqtt://127.0.0.1:${port}` });
      assert.equal((await ended)[0], 1);
      assert.match(out(), /MQTT broker/);
    } finally {
      other.close();
    }
  });

  it('a wrong password and a wrong name of the database, at once', async () => {
    const wrongs: [url: string, says: RegExp][] = [
      [on.server.url.replace(/:[^:@/]+@/, ':wrong-pw@'), /password/],
      [on.server.url.replace(/\/[^/]*$/, '/absent'), /does not exist/],
    ];
    for (const [url, says] of wrongs) {
      const { ended, out } = on.launch({ DATABASE_URL: url });
      assert.equal((await ended)[0], 1);
      assert.match(out(), says);
      assert.match(out(), /DATABASE_URL/);
    }
  });
});
