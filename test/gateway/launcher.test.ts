// The whole launcher as a child process: start, stop, kill, and every wrong environment with an error that says what to do.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { placeOf, signal, startOf } from '../../gateway/processes.ts';
import { connectPublisher } from '../../sim/publisher.ts';
import { postgresFor, type TestPostgres } from '../support/postgres.ts';

const program = path.resolve(import.meta.dirname, '../../gateway/main.ts');

/** What the launcher printed for people, by name. */
type Running = {
  child: ChildProcess;
  out(): string;
  logs(): Record<string, unknown>[];
  addresses: Record<string, string>;
  ended: Promise<[number | null, string | null]>;
};

describe('launcher', () => {
  // On one slow core a start alone takes twenty seconds.
  let directory: string;
  const children: ChildProcess[] = [];
  // Most cases are not about the embedded database, which takes a second to make.
  let server: TestPostgres;
  const embedded = { DATABASE_URL: '' };
  before(async function () {
    server = await postgresFor(this);
  });
  after(() => server?.stop());
  beforeEach(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'fieldline-launch-'));
    // An operator's own flow: the shipped one needs the built palette.
    writeFileSync(path.join(directory, 'flows.json'), '[{"id":"mine","type":"tab","label":"mine"}]');
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    // Only after a failure is there anything left.
    for (const pid of left()) signal(pid, 'SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });

  function launch(env: Record<string, string> = {}): Omit<Running, 'addresses'> {
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(process.execPath, [program], {
      env: {
        ...{ PATH, HOME, PORT: '0', MQTT_LISTEN: '127.0.0.1:0', FIELDLINE_DIR: directory, FIELDLINE_DEMO: 'off' },
        DATABASE_URL: server.url,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let [out, err] = ['', ''];
    child.stdout!.on('data', chunk => {
      out += chunk;
    });
    child.stderr!.on('data', chunk => {
      err += chunk;
    });
    const ended = once(child, 'close') as Promise<[number | null, string | null]>;
    const logs = () =>
      err
        .split('\n')
        .filter(Boolean)
        .map(line => JSON.parse(line) as Record<string, unknown>);
    return { child, out: () => out, logs, ended };
  }

  /** Launches and waits for the addresses. */
  async function start(env: Record<string, string> = {}): Promise<Running> {
    const launched = launch(env);
    const dead = launched.ended.then(() => Promise.reject(new Error(`it ended: ${launched.out()}`)));
    dead.catch(() => undefined);
    while (!/^ +Data /m.test(launched.out())) await Promise.race([once(launched.child.stdout!, 'data'), dead]);
    const lines = launched.out().matchAll(/^ {2}(\w+) +(\S+)$/gm);
    return { ...launched, addresses: Object.fromEntries([...lines].map(([, name, address]) => [name!, address!])) };
  }

  async function stopped(running: Running, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    running.child.kill(signal);
    assert.deepEqual(await running.ended, [0, null]);
  }

  /** Resolves when /health answers 200; the test's own time limit bounds it. */
  async function ready(health: string): Promise<void> {
    while ((await fetch(health)).status !== 200) await wait(50);
  }

  /** Processes that work in the data directory. */
  function left(): number[] {
    return readdirSync('/proc')
      .map(Number)
      .filter(pid => pid > 0 && placeOf(pid)?.cwd.startsWith(directory));
  }

  async function health(running: Running, part: string): Promise<{ ready: boolean; detail: string } | undefined> {
    const answer = (await (await fetch(running.addresses['Health']!)).json()) as {
      parts: { part: string; ready: boolean; detail: string }[];
    };
    return answer.parts.find(one => one.part === part);
  }

  it('starts, answers, stops within 10 s and leaves no process; the second start keeps everything', async () => {
    const first = await start({ ...embedded, FIELDLINE_DEMO: 'on' });
    const { Editor = '', Health = '', MQTT = '' } = first.addresses;
    await ready(Health);
    assert.equal((await fetch(`${Health}/live`)).status, 200);
    assert.match(await (await fetch(Editor)).text(), /Fieldline/);
    const flows = (await (await fetch(`${Editor}flows`)).json()) as { id: string }[];
    assert.deepEqual(
      flows.map(({ id }) => id),
      ['mine'],
    );
    assert.equal((await health(first, 'demo instruments'))?.ready, true);
    const publisher = await connectPublisher(MQTT, 'launcher-test');
    await publisher.publish('a/b', '{}');
    await publisher.close();
    assert.ok(left().length > 0);
    await stopped(first);
    assert.deepEqual(left(), []);
    const secrets = ['secret', 'database.json'].map(name => readFileSync(path.join(directory, name), 'utf8').trim());
    const password = (JSON.parse(secrets[1]!) as { password: string }).password;
    for (const secret of [secrets[0]!, password])
      assert.ok(!first.out().includes(secret) && !JSON.stringify(first.logs()).includes(secret));

    const second = await start(embedded);
    assert.equal(second.addresses['Database'], first.addresses['Database']);
    assert.equal(await health(second, 'demo instruments'), undefined);
    await stopped(second, 'SIGINT');
    assert.deepEqual(left(), []);
  });

  it('serves MQTT over WebSocket on the same port', async () => {
    const running = await start();
    const publisher = await connectPublisher(`${running.addresses['Editor']!.replace('http', 'ws')}mqtt`, 'browser');
    await publisher.publish('a/b', '{}');
    await publisher.close();
    await stopped(running);
  });

  for (const moment of ['postgres.new', 'postgres.new/global/pg_control', 'database.json', 'postgres/postmaster.pid'])
    it(`stops in the middle of the start, when ${moment} has appeared`, async () => {
      const launched = launch(embedded);
      while (!existsSync(path.join(directory, moment))) await wait(1);
      launched.child.kill('SIGTERM');
      assert.deepEqual(await launched.ended, [0, null]);
      assert.deepEqual(left(), []);
      await stopped(await start(embedded));
    });

  it('is not ready while its broker is frozen, and is again when that goes on, with what was published meanwhile', async () => {
    const running = await start();
    const { Health = '', MQTT = '' } = running.addresses;
    await ready(Health);
    const publisher = await connectPublisher(MQTT, 'device');
    const ids = JSON.parse(readFileSync(path.join(directory, 'processes.json'), 'utf8')) as {
      part: string;
      pid: number;
    }[];
    const broker = ids.find(({ part }) => part === 'broker')!.pid;
    signal(broker, 'SIGSTOP');
    try {
      const published = publisher.publish('t/frozen', '1');
      while ((await fetch(Health)).status !== 503) await wait(50);
      assert.match((await health(running, 'broker'))!.detail, /does not answer/);
      signal(broker, 'SIGCONT');
      await ready(Health);
      await published;
    } finally {
      signal(broker, 'SIGCONT');
    }
    await publisher.close();
    await stopped(running);
  });

  it('drains once, however many signals come', async () => {
    const running = await start(embedded);
    for (let n = 0; n < 3; n++) running.child.kill('SIGINT');
    await stopped(running, 'SIGTERM');
    assert.equal(running.logs().filter(({ text }) => text === 'database system is shut down').length, 1);
  });

  it('starts again after kill -9, and meanwhile nobody else may have the directory', async () => {
    const first = await start(embedded);
    const second = launch(embedded);
    assert.equal((await second.ended)[0], 1);
    assert.match(second.out(), new RegExp(`process id ${first.child.pid}\\b`));
    const before = left();
    first.child.kill('SIGKILL');
    await first.ended;
    const third = await start(embedded);
    for (const pid of before) assert.equal(startOf(pid), undefined);
    await stopped(third);
    assert.deepEqual(left(), []);
  });

  it('asks for the one login everywhere on another HOST', async () => {
    const running = await start({ HOST: '0.0.0.0', FIELDLINE_ADMIN_PASSWORD: 'correct horse' });
    const { Editor = '', Health = '' } = running.addresses;
    await ready(Health);
    for (const place of ['', 'flows', 'dashboard', 'settings', 'auth/strategy'])
      assert.equal((await fetch(Editor + place)).status, 401, place);
    const form = new URLSearchParams({ client_id: 'node-red-admin', grant_type: 'password', scope: '*' });
    form.set('username', 'admin');
    form.set('password', 'correct horse');
    const answer = await fetch(`${Editor}auth/token`, { method: 'POST', body: form });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    const headers = { authorization: `Bearer ${token}` };
    assert.equal((await fetch(`${Editor}flows`, { headers })).status, 200);
    const settings = (await (await fetch(`${Editor}settings`, { headers })).json()) as { user: { username: string } };
    assert.equal(settings.user.username, 'admin');
    await stopped(running);
    assert.ok(!JSON.stringify(running.logs()).includes('correct horse'));
  });

  describe('refuses with what to do', () => {
    const closed = 'postgresql://someone:s3cret-pw@127.0.0.1:1/none';
    const rows: [what: string, env: () => Record<string, string>, says: RegExp][] = [
      ['HOST without password', () => ({ HOST: '0.0.0.0' }), /FIELDLINE_ADMIN_PASSWORD/],
      ['a PORT that is none', () => ({ PORT: 'http' }), /PORT: expected a port/],
      ['an unwritable directory', () => ({ FIELDLINE_DIR: '/proc/fieldline' }), /FIELDLINE_DIR.*\/proc\/fieldline/s],
      ['a database that is not there', () => ({ DATABASE_URL: closed }), /ECONNREFUSED.*DATABASE_URL/s],
      [
        'a broker that is not there',
        () => ({ MQTT_URL: 'mqtt://u:s3cret-pw@127.0.0.1:1' }),
        /127\.0\.0\.1:1.*MQTT_URL/s,
      ],
      ['a broker on an unknown host', () => ({ MQTT_URL: 'mqtt://no-such-host.invalid' }), /no-such-host\.invalid/],
    ];
    for (const [what, env, says] of rows)
      it(what, async () => {
        const { ended, out, logs } = launch(env());
        assert.equal((await ended)[0], 1);
        assert.match(out(), /^Fieldline cannot start\./);
        assert.match(out(), says);
        assert.ok(logs().some(({ code, next }) => typeof code === 'string' && typeof next === 'string'));
        assert.ok(!out().includes('s3cret-pw') && !JSON.stringify(logs()).includes('s3cret-pw'));
        assert.deepEqual(left(), []);
      });

    for (const variable of ['PORT', 'MQTT_LISTEN'] as const)
      it(`${variable} in use`, async () => {
        const other = net.createServer().listen(0, '127.0.0.1');
        await once(other, 'listening');
        const { port } = other.address() as net.AddressInfo;
        try {
          const { ended, out } = launch({ [variable]: variable === 'PORT' ? `${port}` : `127.0.0.1:${port}` });
          assert.equal((await ended)[0], 1);
          assert.match(out(), new RegExp(`127\\.0\\.0\\.1:${port}[\\s\\S]*choose another port`));
          assert.deepEqual(left(), []);
        } finally {
          other.close();
        }
      });

    it('something that is no broker behind MQTT_URL', async () => {
      const other = net.createServer(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
      await once(other, 'listening');
      const { port } = other.address() as net.AddressInfo;
      try {
        const { ended, out } = launch({ MQTT_URL: `mqtt://127.0.0.1:${port}` });
        assert.equal((await ended)[0], 1);
        assert.match(out(), /MQTT broker/);
      } finally {
        other.close();
      }
    });
  });

  describe('with DATABASE_URL', () => {
    it('refuses a wrong password and a wrong name at once', async () => {
      const wrongs: [url: string, says: RegExp][] = [
        [server.url.replace(/:[^:@/]+@/, ':wrong-pw@'), /password/],
        [server.url.replace(/\/[^/]*$/, '/absent'), /does not exist/],
      ];
      for (const [url, says] of wrongs) {
        const { ended, out } = launch({ DATABASE_URL: url });
        assert.equal((await ended)[0], 1);
        assert.match(out(), says);
        assert.match(out(), /DATABASE_URL/);
      }
    });

    it('starts without a known database, says so in /health, and recovers when it is back', async () => {
      const url = await server.database('plant');
      const first = await start({ DATABASE_URL: url });
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      const { rows } = await client.query("SELECT to_regclass('devices') AS devices");
      await client.end();
      assert.notEqual(rows[0].devices, null);
      assert.ok(!readdirSync(directory).includes('postgres'));
      await stopped(first);

      await server.terminate('SIGKILL');
      const second = await start({ DATABASE_URL: url });
      assert.equal((await fetch(second.addresses['Health']!)).status, 503);
      assert.match(second.out(), /not ready[\s\S]*database/);
      assert.equal((await health(second, 'flows'))?.ready, true);
      await server.restart();
      await ready(second.addresses['Health']!);
      await stopped(second);
    });
  });
});
