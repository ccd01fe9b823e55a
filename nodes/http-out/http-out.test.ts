// http-out in real Node-RED against a real server: done after 2xx, credentials, an outage on disk, Retry-After, dead letters.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { openDeadLetters } from '../../src/delivery/letters/file.ts';
import { difference, ledgerLines, openAccount } from '../../src/kernel/ledger.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import httpOutNode from './http-out.ts';

describe('http-out node', () => {
  let runtime: TestRuntime;
  let server: Server;
  let port = 0;
  let status = 200;
  let heard: { body: unknown; headers: IncomingHttpHeaders }[] = [];
  let listener: (() => void) | undefined;
  async function start(): Promise<void> {
    server = createServer((request, response) => {
      let text = '';
      request.on('data', chunk => (text += chunk));
      request.on('end', () => {
        response.writeHead(status, status === 429 ? { 'retry-after': '0' } : {}).end('because');
        heard.push({ body: JSON.parse(text), headers: request.headers });
        listener?.();
      });
    }).listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  }
  async function stop(): Promise<void> {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
  async function untilHeard(n: number): Promise<void> {
    while (heard.length < n) await new Promise<void>(resolve => (listener = resolve));
  }
  const flow = (settings: object = {}) => [
    { id: 'src', type: 'test-source', wires: [['out']] },
    { id: 'out', type: 'fieldline-http-out', url: `http://127.0.0.1:${port}/in`, ...settings },
  ];
  before(async () => {
    runtime = await testRuntime();
    runtime.register(httpOutNode);
    await start();
  });
  beforeEach(() => {
    heard = [];
    status = 200;
  });
  after(async () => {
    await runtime.deploy([]);
    await stop();
  });

  it('posts the payload with its key, and is done when the server has it', async () => {
    await runtime.deploy(flow({ auth: 'key', credentials: { key: 'secret' } }));
    assert.deepEqual(await runtime.emit('src', { payload: [{ a: 1 }, { a: 2 }] }), { ok: true });
    assert.deepEqual(
      heard.map(({ body, headers }) => [body, headers['x-api-key']]),
      [[[{ a: 1 }, { a: 2 }], 'secret']],
    );
  });

  it('posts each member alone on request', async () => {
    await runtime.deploy(flow({ send: 'each', auth: 'bearer', credentials: { key: 't' } }));
    assert.deepEqual(await runtime.emit('src', { payload: [{ a: 1 }, { a: 2 }] }), { ok: true });
    assert.deepEqual(
      heard.map(({ body, headers }) => [body, headers.authorization]),
      [
        [{ a: 1 }, 'Bearer t'],
        [{ a: 2 }, 'Bearer t'],
      ],
    );
  });

  it('keeps messages on disk while the server is away, and posts them in order with the same key', async () => {
    await runtime.deploy(flow());
    status = 503;
    for (const n of [1, 2]) assert.deepEqual(await runtime.emit('src', { payload: { n } }), { ok: true });
    await runtime.untilStatus('out', /^server away, .*2 on disk .*HTTP 503: because/);
    await stop();
    await runtime.untilStatus('out', /^server away, .*ECONNREFUSED/);
    heard = [];
    status = 200;
    await start();
    await untilHeard(2);
    assert.deepEqual(
      heard.map(({ body }) => body),
      [{ n: 1 }, { n: 2 }],
    );
    assert.equal(new Set(heard.map(({ headers }) => headers['idempotency-key'])).size, 2);
  });

  it('tells the ledger where messages end, those of the outbox when they have left it', async () => {
    const account = openAccount('http-out-test', 'test');
    const ends = () => {
      const line = ledgerLines().find(({ source }) => source === 'http-out-test')!;
      assert.equal(difference(line), 0);
      return [line.stored, line.deadLetters, line.outbox];
    };
    const send = async (count: number) => {
      const entries = Array.from({ length: count }, () => account.enter()!);
      await runtime.emit('src', {
        payload: entries.map((entry, n) => ({
          ...{ deviceId: 'd', protocol: 'mqtt', timestamp: '2026-01-03T16:00:00.000Z', telemetry: { n } },
          metadata: { entry },
        })),
      });
      for (const entry of entries) account.leave(entry);
    };
    await runtime.deploy(flow({ send: 'each' }));
    await send(2);
    assert.deepEqual(ends(), [2, 0, 0]);
    assert.equal('entry' in (heard[0]!.body as { metadata: object }).metadata, false);
    await stop();
    await send(3);
    assert.deepEqual(ends(), [2, 0, 3]);
    // Another node of the same id, as after a restart; and the server refuses what it gets.
    await runtime.deploy(flow({ send: 'whole' }));
    await send(2);
    assert.deepEqual(ends(), [2, 0, 5]);
    status = 422;
    await start();
    await untilHeard(6);
    await runtime.untilStatus('out', /rejected/);
    assert.deepEqual(ends(), [2, 5, 0]);
  });

  it('comes again when it is asked to', async () => {
    await runtime.deploy(flow({ policy: 'memory' }));
    status = 429;
    const settled = runtime.emit('src', { payload: { n: 3 } });
    await untilHeard(1);
    status = 200;
    assert.deepEqual(await settled, { ok: true });
    assert.equal(heard.length, 2);
    assert.equal(heard[0]?.headers['idempotency-key'], heard[1]?.headers['idempotency-key']);
  });

  it('keeps what the server refuses as a dead letter', async () => {
    await runtime.deploy(flow());
    status = 422;
    assert.deepEqual(await runtime.emit('src', { payload: { n: 4 } }), { ok: true });
    await runtime.untilStatus('out', /1 rejected: HTTP 422: because/);
    const file = await openDeadLetters(path.join(runtime.settings.directory!, 'dead-letters', 'out'));
    const { letters } = await file.list();
    await file.close();
    assert.deepEqual(letters.map(({ bytes, reason }) => [Buffer.from(bytes, 'base64').toString(), reason]).at(-1), [
      '{"n":4}',
      'HTTP 422: because',
    ]);
  });

  for (const send of ['whole', 'each'])
    it(`posts a letter that is sent again as it was, ${send}`, async () => {
      await runtime.deploy(flow({ send }));
      const topic = `http://127.0.0.1:${port}/in`;
      const letter = {
        topic,
        source: 'post',
        protocol: 'http',
        receivedAt: 1,
        bytes: Buffer.from('[{"n":5},{"n":6}]'),
      };
      assert.deepEqual(await runtime.emit('src', { payload: [letter, letter] }), { ok: true });
      assert.deepEqual(
        heard.map(({ body }) => body),
        [1, 2].map(() => [{ n: 5 }, { n: 6 }]),
      );
    });

  describe('its dialog', () => {
    const ask = async (settings: object, text: unknown = '{"n":1}') => {
      const answer = await fetch(`${runtime.url}/fieldline/http-out/test`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ node: 'out', settings: { url: `http://127.0.0.1:${port}/in`, ...settings }, text }),
      });
      return (await answer.json()) as { ok?: boolean; says?: string; error?: string };
    };

    it('posts once with settings that are not deployed, and tells what the server said', async () => {
      await runtime.deploy(flow());
      const { ok, says } = await ask({ auth: 'key', key: 'typed' });
      assert.equal(ok, true);
      assert.match(says ?? '', /^taken by http:\/\/127\.0\.0\.1:\d+\/in in \d+ ms$/);
      assert.deepEqual([heard.length, heard[0]?.body, heard[0]?.headers['x-api-key']], [1, { n: 1 }, 'typed']);
      status = 422;
      assert.equal((await ask({})).says, 'refused: HTTP 422: because');
      status = 503;
      assert.match((await ask({})).says ?? '', /^away: 127\.0\.0\.1:\d+\/in: HTTP 503: because/);
    });

    it('uses the stored key where none was typed', async () => {
      await runtime.deploy(flow({ auth: 'bearer', credentials: { key: 'stored' } }));
      await ask({ auth: 'bearer', key: '__PWRD__' });
      assert.equal(heard[0]?.headers.authorization, 'Bearer stored');
    });

    it('says what is wrong: a server that is away, an address, a text', async () => {
      assert.match((await ask({ url: 'http://127.0.0.1:1/x' })).says ?? '', /^away: 127\.0\.0\.1:1\/x: /);
      assert.match((await ask({ url: 'ftp://x' })).error ?? '', /http:\/\/ or https:\/\//);
      assert.match((await ask({ url: '/api/ingest' })).error ?? '', /a path alone is for the gateway/);
      assert.match((await ask({}, '{')).error ?? '', /message: expected JSON/);
      assert.equal(heard.length, 0);
    });
  });
});
