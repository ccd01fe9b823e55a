// The HTTP sink against a real server: what has arrived, what is refused, what is an outage, and when to come again.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Fault } from '../kernel/fault.ts';
import { askedMs, type HttpSinkOptions, httpSink, type Post } from './http.ts';

const post = (n: number): Post => ({ id: `id-${n}`, body: JSON.stringify({ n }) });

const GZIP = { 'content-encoding': 'gzip' };

describe('http sink', () => {
  let server: Server;
  let answer: (response: ServerResponse, body: string) => void;
  let heard: { body: string; headers: IncomingHttpHeaders }[];
  beforeEach(async () => {
    heard = [];
    answer = response => response.end();
    server = createServer((request, response) => {
      let body = '';
      request.on('data', chunk => (body += chunk));
      request.on('end', () => {
        heard.push({ body, headers: request.headers });
        answer(response, body);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const open = (options: Partial<HttpSinkOptions> = {}) => {
    const { port } = server.address() as AddressInfo;
    return httpSink({ url: `http://127.0.0.1:${port}/in`, ...options });
  };
  const faultOf = async (writing: Promise<unknown>): Promise<Fault> => {
    const fault = await writing.then(
      () => assert.fail('it arrived'),
      error => error,
    );
    assert.ok(fault instanceof Fault, String(fault));
    assert.equal(fault.kind, 'outage');
    return fault;
  };

  it('posts each row as JSON, in order, with its own key', async () => {
    assert.deepEqual(await open({ headers: { 'x-api-key': 'k' } }).write([post(1), post(2)]), ['stored', 'stored']);
    assert.deepEqual(
      heard.map(({ body, headers }) => [
        body,
        headers['content-type'],
        headers['idempotency-key'],
        headers['x-api-key'],
      ]),
      [
        ['{"n":1}', 'application/json', 'id-1', 'k'],
        ['{"n":2}', 'application/json', 'id-2', 'k'],
      ],
    );
  });

  for (const [status, outcome] of [
    [200, 'stored'],
    [201, 'stored'],
    [204, 'stored'],
    [207, 'stored'],
    [400, 'refused'],
    [401, 'outage'],
    [403, 'outage'],
    [404, 'refused'],
    [413, 'refused'],
    [422, 'refused'],
    [301, 'outage'],
    [304, 'outage'],
    [408, 'outage'],
    [425, 'outage'],
    [429, 'outage'],
    [500, 'outage'],
    [503, 'outage'],
  ] as const)
    it(`${status} is ${outcome}`, async () => {
      answer = response => {
        response.statusCode = status;
        response.end(status === 204 ? undefined : 'says\n\0why');
      };
      const writing = open().write([post(1)]);
      if (outcome === 'outage') assert.match((await faultOf(writing)).message, new RegExp(`HTTP ${status}`));
      else if (outcome === 'stored') assert.deepEqual(await writing, ['stored']);
      else assert.deepEqual(await writing, [{ rejected: `HTTP ${status}: says why` }]);
    });

  for (const [status, location, asks] of [
    [401, undefined, /HTTP 401: says why; is the key right/],
    [403, undefined, /HTTP 403: says why; may this key post there/],
    [407, undefined, /HTTP 407: says why; a proxy in between wants to know who asks/],
    [302, 'https://there.example/', /HTTP 302: moved to https:\/\/there\.example\/; is this the address/],
    [301, undefined, /HTTP 301; is this the address/],
  ] as const)
    it(`${status}: the reason says what to look at`, async () => {
      answer = response => response.writeHead(status, location === undefined ? {} : { location }).end('says why');
      assert.match((await faultOf(open().write([post(1)]))).message, asks);
    });

  for (const [header, expected] of [
    ['7', 7000],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
  ] as const)
    it(`Retry-After ${header} asks for ${expected} ms`, async () => {
      answer = response => {
        response.sendDate = false;
        response.writeHead(429, header === undefined ? {} : { 'retry-after': header }).end();
      };
      assert.equal(askedMs(await faultOf(open({ now: () => Date.UTC(2026, 0, 1) }).write([post(1)]))), expected);
    });

  it('a date in Retry-After is one of the clock of the server', async () => {
    const [date, retryAfter] = ['Thu, 01 Jan 2026 01:00:00 GMT', 'Thu, 01 Jan 2026 01:00:30 GMT'];
    answer = response => void response.writeHead(503, { date, 'retry-after': retryAfter }).end();
    assert.equal(askedMs(await faultOf(open({ now: () => Date.UTC(2026, 0, 1) }).write([post(1)]))), 30_000);
  });

  for (const [name, ends, isNamed] of [
    ['500', response => response.writeHead(500).end(), true],
    ['502', response => response.writeHead(502).end('<html>Bad gateway'), true],
    ['a reset', response => response.socket!.resetAndDestroy(), true],
    ['silence', () => undefined, true],
    ['503', response => response.writeHead(503).end(), false],
    ['500 with Retry-After', response => response.writeHead(500, { 'retry-after': '1' }).end(), false],
    ['429', response => response.writeHead(429).end(), false],
    ['403', response => response.writeHead(403).end('blocked by rule 942100'), true],
    ['403 with Retry-After', response => response.writeHead(403, { 'retry-after': '1' }).end(), false],
    ['408', response => response.writeHead(408).end(), true],
    ['401', response => response.writeHead(401).end(), false],
    ['407', response => response.writeHead(407).end(), false],
    ['a page', response => response.end('<html>'), true],
    ['a move', response => response.writeHead(302, { location: '/' }).end(), false],
  ] as const satisfies [string, (response: ServerResponse) => unknown, boolean][])
    it(`${isNamed ? 'names' : 'does not name'} the request over which the server may have broken down: ${name}`, async () => {
      answer = (response, body) => (body === '{"n":2}' ? void ends(response) : response.end());
      const sink = open({ timeoutMs: 2000 });
      await faultOf(sink.write([post(1), post(2), post(3)]));
      assert.equal(sink.failedAt()?.id, isNamed ? 'id-2' : undefined);
      await sink.write([post(3)]);
      assert.equal(sink.failedAt(), undefined);
    });

  it('does not send again what has arrived before an outage', async () => {
    let failures = 1;
    answer = (response, body) => {
      if (body === '{"n":2}' && failures-- > 0) response.statusCode = 503;
      response.end();
    };
    const sink = open();
    const rows = [post(1), post(2), post(3)];
    await faultOf(sink.write(rows));
    assert.deepEqual(await sink.write(rows), ['stored', 'stored', 'stored']);
    assert.deepEqual(
      heard.map(({ body }) => JSON.parse(body).n),
      [1, 2, 2, 3],
    );
  });

  it('has an outage where nobody answers, and where nobody listens', async () => {
    answer = () => {};
    assert.match((await faultOf(open({ timeoutMs: 50 }).write([post(1)]))).message, /no answer within 0.05 s/);
    answer = response => response.socket?.destroy();
    assert.match((await faultOf(open().write([post(1)]))).message, /127\.0\.0\.1:\d+\/in: \w+/);
    const nobody = httpSink({ url: 'http://127.0.0.1:1/in' });
    assert.match((await faultOf(nobody.write([post(1)]))).message, /127\.0\.0\.1:1\/in: \w+/);
  });

  for (const [name, rest] of [
    ['never ends', () => {}],
    ['breaks off', (response: ServerResponse) => response.socket?.destroy()],
  ] as const)
    it(`takes a 2xx for an answer although what follows ${name}`, async () => {
      answer = response => {
        response.writeHead(200, { 'content-length': 1000 }).write('begins');
        setImmediate(rest, response);
      };
      assert.deepEqual(await open().write([post(1)]), ['stored']);
      assert.equal(heard.length, 1);
    });

  const bodies: readonly [name: string, answer: (response: ServerResponse) => void, says: string][] = [
    [
      'breaks off',
      response => {
        response.writeHead(400, { 'content-length': 1000 }).write('begins');
        setTimeout(() => response.socket?.destroy(), 20);
      },
      'HTTP 400: begins',
    ],
    ['never ends', response => void response.writeHead(400).write('begins'), 'HTTP 400: begins'],
    ['is not packed as it says', response => void response.writeHead(400, GZIP).end('plain'), 'HTTP 400'],
    ['is packed', response => void response.writeHead(400, GZIP).end(gzipSync('why\nnot')), 'HTTP 400: why not'],
  ];
  for (const [name, says, rejected] of bodies)
    it(`takes a refusal for an answer although its body ${name}`, async () => {
      answer = says;
      assert.deepEqual(await open().write([post(1)]), [{ rejected }]);
    });

  it('reads no more of an answer than it shows', async () => {
    answer = response => {
      response.statusCode = 400;
      response.write('x'.repeat(1 << 20));
      // Never ends.
    };
    const [outcome] = await open().write([post(1)]);
    assert.equal((outcome as { rejected: string }).rejected.length, 'HTTP 400: '.length + 300);
  });

  it('refuses a body above its limit without sending it', async () => {
    const [outcome] = await open({ maxBytes: 5 }).write([post(1)]);
    assert.match((outcome as { rejected: string }).rejected, /at most 5 bytes, got 7/);
    assert.equal(heard.length, 0);
  });

  it('ends what is under way when it closes', async () => {
    answer = () => {};
    const sink = open();
    const writing = faultOf(sink.write([post(1)]));
    while (heard.length === 0) await new Promise(resolve => setImmediate(resolve));
    await sink.close();
    assert.match((await writing).message, /closed/);
  });

  for (const url of ['', 'ftp://host/', 'no address', 'http://user:secret@host/'])
    it(`refuses the address "${url.slice(0, 12)}" without showing it`, () => {
      assert.throws(
        () => httpSink({ url }),
        (fault: Fault) => !fault.message.includes('secret') && fault.code === 'FIELDLINE_SETTING',
      );
    });
});
