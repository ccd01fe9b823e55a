// A letter that a link has given up goes back to that link, and to no decoder: to its server, its broker, its table, its archive.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { keepLetters, listLetters, type NewLetter } from '../../src/delivery/letters/letters.ts';
import { onBroker } from '../../test/support/broker.ts';
import { onDatabase } from '../../test/support/database.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import { until } from '../../test/support/until.ts';
import httpOutNode from '../http-out/http-out.ts';
import mqttOutNode from '../mqtt-out/mqtt-out.ts';
import rawArchiveNode from '../raw-archive/raw-archive.ts';
import timescaleDbNode from '../timescale-db/timescale-db.ts';
import timescaleOutNode from '../timescale-out/timescale-out.ts';
import deadLettersNode from './dead-letters.ts';

describe('dead-letters node: what a link has given up', () => {
  let runtime: TestRuntime;
  let server: Server;
  let status = 200;
  let bodies: string[] = [];
  let url = '';
  after(async () => {
    await runtime?.deploy([]);
    server?.close();
  });
  const mqtt = onBroker();
  const db = onDatabase({ migrated: false });
  const flow = (more: { post?: object; letters?: object } = {}) => [
    { id: 'db', type: 'fieldline-timescale-db', url: db.server.url },
    {
      ...{ id: 'n', type: 'fieldline-dead-letters', store: 'db', ...more.letters },
      wires: [['k'], ['k'], ['k'], ['k'], ['answers']],
    },
    { id: 'post', type: 'fieldline-http-out', name: 'ERP', url, ...more.post },
    { id: 's', type: 'test-source', wires: [['post']] },
    { id: 'pub', type: 'fieldline-mqtt-out', topic: 'site/{topic}', form: 'measurement' },
    {
      ...{ id: 'own', type: 'fieldline-timescale-out', store: 'db', wires: [[], []], table: 'own', ownTable: 'power' },
      ...{ columns: [{ column: 'kw', from: 'telemetry.kw' }], conflict: 'skip', key: 'kw' },
    },
    { id: 'arc', type: 'fieldline-raw-archive', store: 'db', wires: [[]] },
    { id: 'k', type: 'test-sink' },
    { id: 'answers', type: 'test-sink' },
  ];
  before(async () => {
    runtime = await testRuntime();
    runtime.register(timescaleDbNode, httpOutNode, mqttOutNode, timescaleOutNode, rawArchiveNode, deadLettersNode);
    server = createServer((request, response) => {
      let text = '';
      request.on('data', chunk => (text += chunk));
      request.on('end', () => {
        bodies.push(text);
        response.writeHead(status).end('because');
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`;
    await runtime.deploy(flow());
    await runtime.untilStatus('n', /open$/);
    await db.store.query('CREATE TABLE power (kw float8 PRIMARY KEY)');
  });
  beforeEach(async () => {
    status = 200;
    bodies = [];
    await db.store.query('TRUNCATE dead_letters, power, raw_advertisements');
  });

  /** A letter of the node, sent again, as it stands when that is over. */
  async function resent(source: string, letter: Partial<NewLetter>) {
    const kept = { kind: 'raw' as const, reason: 'r', attempts: 1, receivedAt: 1e12, givenUpAt: 2e12 };
    await keepLetters(db.store.query, source, [{ ...kept, bytes: Buffer.from('{"n":1}'), ...letter }]);
    const answered = runtime.received('answers').length;
    runtime.inject('n', { payload: { command: 'resend' } });
    await runtime.until('answers', answered + 1);
    await until(async () => (await listLetters(db.store.query, { state: 'queued' })).length === 0);
    const [one] = await listLetters(db.store.query, {});
    return one!;
  }
  const elsewhere = () => runtime.received('k').length;

  it('goes to its server again as it was, and waits with the reason where that refuses it again', async () => {
    await runtime.deploy(flow());
    const { state } = await resent('post', { topic: url, protocol: 'http' });
    assert.deepEqual([state, bodies, elsewhere()], ['resolved', ['{"n":1}'], 0]);
    status = 422;
    await db.store.query('TRUNCATE dead_letters');
    await resent('post', { topic: url, protocol: 'http', bytes: Buffer.from('{"n":2}') });
    assert.deepEqual([bodies.at(-1), elsewhere()], ['{"n":2}', 0]);
    // What was refused reaches the table over the disk.
    await until(async () => (await listLetters(db.store.query, {}))[0]?.attempts === 2);
    const [again] = await listLetters(db.store.query, {});
    assert.deepEqual([again?.state, again?.reason], ['open', 'HTTP 422: because']);
  });

  it('is published again under its own topic, whatever topic and form the node has', async () => {
    await mqtt.start();
    const services = runtime.settings.services as Record<string, unknown>;
    services['mqttUrl'] = `mqtt://127.0.0.1:${mqtt.broker.port}`;
    const client = await mqtt.client('reader');
    await client.subscribeAsync('#', { qos: 1 });
    await runtime.deploy(flow());
    const { state } = await resent('pub', { topic: 'site/a', protocol: 'mqtt' });
    await until(() => client.got.length > 0);
    assert.deepEqual([state, client.got, elsewhere()], ['resolved', ['site/a={"n":1} 1'], 0]);
    delete services['mqttUrl'];
  });

  it('goes into the table that refused it', async () => {
    await runtime.deploy(flow());
    const reading = { deviceId: 'd', protocol: 'mqtt', timestamp: '2026-01-03T16:00:00.000Z', telemetry: { kw: 7 } };
    const bytes = Buffer.from(JSON.stringify({ ...reading, metadata: {} }));
    const { state } = await resent('own', { kind: 'reading', topic: 't', bytes });
    assert.deepEqual([state, await db.store.query('SELECT kw FROM power'), elsewhere()], ['resolved', [{ kw: 7 }], 0]);
  });

  it('goes into the archive that refused it', async () => {
    await runtime.deploy(flow());
    const { state } = await resent('arc', { topic: 'homelab/energy/m', protocol: 'mqtt', scannerId: 's' });
    const archived = await db.store.query('SELECT topic FROM raw_advertisements');
    assert.deepEqual([state, archived, elsewhere()], ['resolved', [{ topic: 'homelab/energy/m' }], 0]);
  });

  it('says so where its node is disabled', async () => {
    await runtime.deploy(flow({ post: { d: true } }));
    const { state, reason } = await resent('post', { topic: url, protocol: 'http' });
    assert.deepEqual([state, bodies, elsewhere()], ['open', [], 0]);
    assert.match(reason, /^the node "post" that gave it up does not run: enable it, then send the letter again$/);
  });

  it('waits and says so where its node was deleted, however the letter came into the table', async () => {
    status = 422;
    await runtime.deploy(flow());
    await runtime.emit('s', { payload: { n: 3 } });
    await until(async () => (await listLetters(db.store.query, {})).length === 1);
    await runtime.deploy(flow().filter(({ id }) => id !== 'post'));
    runtime.inject('n', { payload: { command: 'resend' } });
    await until(async () => (await listLetters(db.store.query, {}))[0]?.attempts === 2);
    const [one] = await listLetters(db.store.query, {});
    assert.deepEqual([one?.state, elsewhere()], ['open', 0]);
    assert.match(
      one!.reason,
      /^the node "ERP" that gave it up was deleted: bring it back with its id post .*, discard/,
    );
    status = 200;
    await runtime.deploy(flow());
    bodies = [];
    runtime.inject('n', { payload: { command: 'resend' } });
    await until(async () => (await listLetters(db.store.query, {}))[0]?.state === 'resolved');
    assert.deepEqual(bodies, ['{"n":3}']);
  });

  for (const [what, source, letters] of [
    ['of a node that is none of the flow', 'gone', {}],
    ['of a node that the letters are limited to, which has a way of its own', 'post', { source: 'post' }],
  ] as const)
    it(`leaves by an output: that ${what}`, async () => {
      await runtime.deploy(flow({ letters }));
      const { state } = await resent(source, { topic: 'homelab/energy/m', protocol: 'mqtt' });
      assert.deepEqual([state, bodies, elsewhere()], ['resolved', [], 1]);
    });
});
