// The whole launcher as a child process: start, stop, kill, a frozen broker, a database that comes late.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { signal, startOf } from '../../gateway/processes.ts';
import { connectPublisher } from '../../sim/publisher.ts';
import { embedded, healthOf, onLauncher, ready, stopped } from './launched.ts';

describe('launcher', () => {
  const on = onLauncher();

  it('starts, answers, stops within 10 s and leaves no process; the second start keeps everything', async () => {
    const first = await on.start({ ...embedded, FIELDLINE_DEMO: 'on' });
    const { Editor = '', Health = '', MQTT = '' } = first.addresses;
    await ready(Health);
    assert.equal((await fetch(`${Health}/live`)).status, 200);
    assert.match(await (await fetch(Editor)).text(), /Fieldline/);
    const flows = (await (await fetch(`${Editor}flows`)).json()) as { id: string }[];
    assert.deepEqual(
      flows.map(({ id }) => id),
      ['mine'],
    );
    assert.equal((await healthOf(first, 'demo instruments'))?.ready, true);
    const publisher = await connectPublisher(MQTT, 'launcher-test');
    await publisher.publish('a/b', '{}');
    await publisher.close();
    assert.ok(on.left().length > 0);
    await stopped(first);
    assert.deepEqual(on.left(), []);
    const secrets = ['secret', 'database.json'].map(name => readFileSync(path.join(on.directory, name), 'utf8').trim());
    const password = (JSON.parse(secrets[1]!) as { password: string }).password;
    for (const secret of [secrets[0]!, password])
      assert.ok(!first.out().includes(secret) && !JSON.stringify(first.logs()).includes(secret));

    const second = await on.start(embedded);
    assert.equal(second.addresses['Database'], first.addresses['Database']);
    assert.equal(await healthOf(second, 'demo instruments'), undefined);
    await stopped(second, 'SIGINT');
    assert.deepEqual(on.left(), []);
  });

  it('serves MQTT over WebSocket on the same port', async () => {
    const running = await on.start();
    const publisher = await connectPublisher(`${running.addresses['Editor']!.replace('http', 'ws')}mqtt`, 'browser');
    await publisher.publish('a/b', '{}');
    await publisher.close();
    await stopped(running);
  });

  for (const moment of ['postgres.new', 'postgres.new/global/pg_control', 'database.json', 'postgres/postmaster.pid'])
    it(`stops in the middle of the start, when ${moment} has appeared`, async () => {
      const launched = on.launch(embedded);
      while (!existsSync(path.join(on.directory, moment))) await wait(1);
      launched.child.kill('SIGTERM');
      assert.deepEqual(await launched.ended, [0, null]);
      assert.deepEqual(on.left(), []);
      await stopped(await on.start(embedded));
    });

  it('is not ready while its broker is frozen, and is again when that goes on, with what was published meanwhile', async () => {
    const running = await on.start();
    const { Health = '', MQTT = '' } = running.addresses;
    await ready(Health);
    const publisher = await connectPublisher(MQTT, 'device');
    const ids = JSON.parse(readFileSync(path.join(on.directory, 'processes.json'), 'utf8')) as {
      part: string;
      pid: number;
    }[];
    const broker = ids.find(({ part }) => part === 'broker')!.pid;
    signal(broker, 'SIGSTOP');
    try {
      const published = publisher.publish('t/frozen', '1');
      while ((await fetch(Health)).status !== 503) await wait(50);
      assert.match((await healthOf(running, 'broker'))!.detail, /does not answer/);
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
    const running = await on.start(embedded);
    for (let n = 0; n < 3; n++) running.child.kill('SIGINT');
    await stopped(running, 'SIGTERM');
    assert.equal(running.logs().filter(({ text }) => text === 'database system is shut down').length, 1);
  });

  it('starts again after kill -9, and meanwhile nobody else may have the directory', async () => {
    const first = await on.start(embedded);
    const second = on.launch(embedded);
    assert.equal((await second.ended)[0], 1);
    assert.match(second.out(), new RegExp(`process id ${first.child.pid}\\b`));
    const before = on.left();
    first.child.kill('SIGKILL');
    await first.ended;
    const third = await on.start(embedded);
    for (const pid of before) assert.equal(startOf(pid), undefined);
    await stopped(third);
    assert.deepEqual(on.left(), []);
  });

  it('asks for the one login everywhere on another HOST', async () => {
    const running = await on.start({ HOST: '0.0.0.0', FIELDLINE_ADMIN_PASSWORD: 'correct horse' });
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

  it('starts without a known database, says so in /health, and recovers when it is back', async () => {
    const url = await on.server.database('plant');
    const first = await on.start({ DATABASE_URL: url });
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query("SELECT to_regclass('devices') AS devices");
    await client.end();
    assert.notEqual(rows[0].devices, null);
    assert.ok(!readdirSync(on.directory).includes('postgres'));
    await stopped(first);

    await on.server.terminate('SIGKILL');
    const second = await on.start({ DATABASE_URL: url });
    assert.equal((await fetch(second.addresses['Health']!)).status, 503);
    assert.match(second.out(), /not ready[\s\S]*database/);
    assert.equal((await healthOf(second, 'flows'))?.ready, true);
    await on.server.restart();
    await ready(second.addresses['Health']!);
    await stopped(second);
  });
});
