// Ingest over HTTP on real sockets: keys, limits, every refusal, batches, what is answered when, and clients that misbehave.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { gzipSync } from 'node:zlib';
import { Fault } from '../kernel/fault.ts';
import type { Ending } from '../kernel/ledger.ts';
import { openScene, type Scene, stored } from './ingest.fixture.ts';

type Answer = Record<string, unknown> & {
  errors?: { item: number; field?: string }[];
  items?: Record<string, unknown>[];
};
const flow = (more: object = {}) => ({ device_id: 'd', flow_rate: 1, timestamp: '2026-02-11T14:00:00Z', ...more });
const jsonOf = async (response: Response) => (await response.json()) as Answer;

describe('ingest over HTTP', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await openScene();
  });
  afterEach(() => scene.close());

  /** Writes raw bytes; all that comes back until the server ends the connection. */
  async function raw(text: string): Promise<string> {
    const socket = net.connect(Number(new URL(scene.url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', chunk => {
      answer += chunk;
    });
    socket.on('error', () => {});
    socket.write(text);
    await once(socket, 'close');
    return answer;
  }

  it('stores one reading and answers what became of it', async () => {
    const response = await scene.post('/api/ingest', flow(), { 'x-api-key': 'gateway-key' });
    assert.equal(response.status, 200);
    const figures = { accepted: 1, stored: 1, duplicates: 0, kept: 0, dropped: 0, dead_letters: [] };
    assert.deepEqual(await jsonOf(response), figures);
    const [{ metadata }] = scene.received as [Scene['received'][number]];
    assert.deepEqual([metadata.orgId, metadata.scannerId], ['acme', 'gw-1']);
  });

  it('takes the telemetry of a device whose name is in the address', async () => {
    const response = await scene.post('/api/devices/AA%3ABB/telemetry', { telemetry: { temperature: 21 } });
    assert.equal(response.status, 200);
    assert.equal(scene.received[0]?.deviceId, 'AA:BB');
    assert.equal((await scene.post('/api/devices/%E0%A4%A/telemetry', { telemetry: { t: 1 } })).status, 400);
  });

  it('leaves all other addresses to whoever listens there', async () => {
    for (const path of ['/api/ingest/', '/api/devices/x', '/api/devices/x/y/telemetry', '/'])
      assert.equal((await scene.post(path, flow())).status, 404, path);
    const read = await fetch(`${scene.url}/api/ingest`);
    assert.deepEqual([read.status, read.headers.get('allow')], [405, 'POST']);
  });

  const keys: readonly [name: string, headers: Record<string, string>, status: number][] = [
    ['x-api-key', { 'x-api-key': 'app-key' }, 200],
    ['bearer', { authorization: 'Bearer app-key' }, 200],
    ['a bearer token in x-api-key', { 'x-api-key': 'Bearer app-key' }, 200],
    ['two words', { 'x-api-key': 'app-key app-key' }, 401],
    ['a bearer of nothing', { authorization: 'Bearer ' }, 401],
    ['both', { 'x-api-key': 'app-key', authorization: 'Bearer other' }, 200],
    ['none', {}, 401],
    ['an empty one', { 'x-api-key': '' }, 401],
    ['a wrong one', { 'x-api-key': 'App-key' }, 401],
    ['a login instead', { authorization: 'Basic YTpi' }, 401],
    ['SQL', { 'x-api-key': "' OR 1=1 --" }, 401],
  ];
  for (const [name, headers, status] of keys)
    it(`answers ${status} to ${name}`, async () => {
      const response = await scene.post('/api/ingest', flow(), headers);
      assert.equal(response.status, status);
      if (status === 401) assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/);
      assert.equal(scene.received.length, status === 200 ? 1 : 0);
    });

  it('refuses a key from the moment it is revoked', async () => {
    assert.equal((await scene.post('/api/ingest', flow())).status, 200);
    scene.keys.delete('app-key');
    assert.equal((await scene.post('/api/ingest', flow())).status, 401);
  });

  it('lets a gateway key make 10 requests in any minute, an app key 600, a key of its own what it says (X8)', async () => {
    const ask = async (key: string) => (await scene.post('/api/ingest', flow(), { 'x-api-key': key })).status;
    for (let n = 0; n < 10; n++) assert.equal(await ask('gateway-key'), 200);
    const late = await scene.post('/api/ingest', flow(), { 'x-api-key': 'gateway-key' });
    assert.deepEqual([late.status, late.headers.get('retry-after')], [429, '60']);
    assert.equal((await jsonOf(late))['status'], 429);
    scene.clock.advance(59_000);
    assert.equal(await ask('gateway-key'), 429);
    scene.clock.advance(1000);
    assert.equal(await ask('gateway-key'), 200);
    for (let n = 0; n < 11; n++) assert.equal(await ask('app-key'), 200);
    scene.keys.set('gateway-key', { ...scene.keys.get('gateway-key')!, id: 9, perMinute: 1 });
    assert.deepEqual([await ask('gateway-key'), await ask('gateway-key')], [200, 429]);
  });

  it('counts a batch as one request', async () => {
    const batch = Array.from({ length: 50 }, (_, n) => flow({ device_id: `d${n}` }));
    assert.equal((await jsonOf(await scene.post('/api/ingest', batch)))['stored'], 50);
  });

  it('refuses a batch whole, with every fault by item and field, and counts it', async () => {
    const response = await scene.post('/api/ingest', [flow(), flow({ flow_rate: 'x' }), { totalizer: 'y' }]);
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
    const body = await jsonOf(response);
    assert.deepEqual([response.status, body['status'], body['field']], [400, 400, '[1].flow_rate']);
    assert.deepEqual(
      body.errors?.map(({ item, field }) => [item, field]),
      [
        [1, 'flow_rate'],
        [2, 'device_id'],
        [2, 'totalizer'],
      ],
    );
    assert.deepEqual([scene.received.length, scene.refused], [0, { fields: 3 }]);
  });

  for (const how of ['the query', 'the key'])
    it(`takes the good items of a batch where ${how} says so: 207 with a line for each`, async () => {
      if (how === 'the key') scene.keys.set('app-key', { ...scene.keys.get('app-key')!, partial: true });
      const path = how === 'the key' ? '/api/ingest' : '/api/ingest?partial=true';
      scene.deliver = async () => [
        { end: 'duplicates', reason: undefined },
        { end: 'deadLetters', reason: 'no such month' },
      ];
      const response = await scene.post(path, [flow(), { flow_rate: 1 }, flow({ device_id: 'e' })]);
      const body = await jsonOf(response);
      assert.equal(response.status, 207);
      assert.deepEqual([body['accepted'], body['refused'], body['dead_letters']], [2, 1, 1]);
      assert.deepEqual(
        body.items?.map(({ item, status, result }) => [item, status, result]),
        [
          [0, 200, 'duplicate'],
          [1, 400, 'refused'],
          [2, 422, 'dead letter'],
        ],
      );
      assert.equal(body.items?.[2]?.['reason'], 'no such month');
      assert.deepEqual(scene.refused, { fields: 1 });
    });

  it('names the rows that only the database refused, and says what is on disk yet', async () => {
    scene.deliver = async () => [{ end: 'deadLetters', reason: 'value out of range' }];
    const dead = await jsonOf(await scene.post('/api/ingest', flow()));
    const line = { item: 0, device_id: 'd', status: 422, result: 'dead letter', reason: 'value out of range' };
    assert.deepEqual(dead['dead_letters'], [line]);
    scene.deliver = async () => [{ end: 'outbox', reason: undefined }];
    const kept = await scene.post('/api/ingest', flow());
    assert.deepEqual([kept.status, (await jsonOf(kept))['kept']], [202, 1]);
  });

  const bodies: readonly [name: string, body: unknown, headers: Record<string, string>, status: number][] = [
    ['a form', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['text', '{}', { 'content-type': 'text/plain' }, 415],
    ['another charset', '{}', { 'content-type': 'application/json; charset=utf-16' }, 415],
    ['an unknown encoding', '{}', { 'content-encoding': 'zstd' }, 415],
    ['an encoding twice', gzipSync('{}'), { 'content-encoding': 'gzip, gzip' }, 415],
    ['what is no gzip', '{}', { 'content-encoding': 'gzip' }, 400],
    ['half a gzip', gzipSync(JSON.stringify(flow())).subarray(0, 20), { 'content-encoding': 'gzip' }, 400],
    ['a gzip that grows too large', gzipSync(' '.repeat(1_000_000)), { 'content-encoding': 'gzip' }, 413],
    ['too much', ' '.repeat(10_001), {}, 413],
    ['too many readings', Array.from({ length: 101 }, () => flow()), {}, 413],
    ['no JSON', '{', {}, 400],
    ['a wrong idempotency key', flow(), { 'idempotency-key': 'a b' }, 400],
    ['gzip', gzipSync(JSON.stringify(flow())), { 'content-encoding': 'gzip' }, 200],
    ['JSON of another name', flow(), { 'content-type': 'application/vnd.acme+json; charset=UTF-8' }, 200],
  ];
  for (const [name, body, headers, status] of bodies)
    it(`answers ${status} to ${name}, and counts it`, async () => {
      const response = await scene.post('/api/ingest', body, { 'x-api-key': 'app-key', ...headers });
      assert.equal(response.status, status);
      assert.equal((await jsonOf(response))['status'] ?? 200, status);
      assert.equal(scene.received.length, status === 200 ? 1 : 0);
      assert.deepEqual(scene.answers, { [status]: 1 });
      assert.equal(Object.values(scene.refused).length, status === 200 ? 0 : 1);
    });

  it('counts what it refuses by method or address', async () => {
    assert.equal((await fetch(`${scene.url}/api/ingest`)).status, 405);
    assert.equal((await scene.post('/api/devices/%00/telemetry', { flow_rate: 1 })).status, 400);
    assert.deepEqual([scene.answers, scene.refused], [{ 400: 1, 405: 1 }, { address: 1 }]);
  });

  it('answers a device that names no type', async () => {
    const body = JSON.stringify(flow());
    const head = `POST /api/ingest HTTP/1.1\r\nHost: x\r\nX-API-Key: app-key\r\nConnection: close\r\nContent-Length: ${body.length}`;
    assert.match(await raw(`${head}\r\n\r\n${body}`), /^HTTP\/1\.1 200/);
  });

  it('takes a request that offers HTTP/2, as curl and Java send it', async () => {
    const body = JSON.stringify(flow());
    const offer = 'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__';
    const head = `POST /api/ingest HTTP/1.1\r\nHost: x\r\nX-API-Key: app-key\r\n${offer}\r\nContent-Length: ${body.length}`;
    assert.match(await raw(`${head}\r\n\r\n${body}`), /^HTTP\/1\.1 200/);
    assert.equal(scene.received.length, 1);
  });

  it('refuses a body that is announced too large without reading it', async () => {
    const head = 'POST /api/ingest HTTP/1.1\r\nHost: x\r\nX-API-Key: app-key\r\nContent-Length: 99999999999';
    assert.match(await raw(`${head}\r\n\r\n`), /^HTTP\/1\.1 413[\s\S]*connection: close/i);
  });

  it('refuses floods of headers and what is no HTTP without a 500', async () => {
    const many = `POST /api/ingest HTTP/1.1\r\n${'X-Flood: y\r\n'.repeat(5000)}\r\n`;
    assert.match(await raw(many), /^HTTP\/1\.1 431/);
    assert.match(await raw('MEASURE 21.5\r\n\r\n'), /^HTTP\/1\.1 400/);
  });

  it('ends a body that does not come', async () => {
    await scene.close();
    scene = await openScene({ slowestMs: 30 });
    const head = 'POST /api/ingest HTTP/1.1\r\nHost: x\r\nX-API-Key: app-key\r\nContent-Length: 5000';
    assert.match(await raw(`${head}\r\n\r\n{`), /^HTTP\/1\.1 408/);
  });

  it('ends the connection of a client whose refused body does not come, and keeps one whose body does', async () => {
    await scene.close();
    scene = await openScene({ slowestMs: 300 });
    const head = 'POST /api/ingest HTTP/1.1\r\nHost: x\r\nX-API-Key: wrong\r\nContent-Length: 5';
    assert.match(await raw(`${head}\r\n\r\n{`), /^HTTP\/1\.1 401/);
    const twice = await raw(`${head}\r\n\r\n{   }${head}\r\nConnection: close\r\n\r\n{   }`);
    assert.equal(twice.match(/HTTP\/1\.1 401/g)?.length, 2);
  });

  it('counts a body that breaks the rules of HTTP, which Node answers', async () => {
    const head = 'POST /api/ingest HTTP/1.1\r\nHost: x\r\nX-API-Key: app-key\r\nTransfer-Encoding: chunked';
    assert.match(await raw(`${head}\r\n\r\n2\r\n{}}\r\n0\r\n\r\n`), /^HTTP\/1\.1 400/);
    assert.deepEqual([scene.refused, scene.received], [{ 'cut short': 1 }, []]);
  });

  it('forgets a client that leaves in the middle, and counts it', async () => {
    const socket = net.connect(Number(new URL(scene.url).port), '127.0.0.1');
    socket.write('POST /api/ingest HTTP/1.1\r\nHost: x\r\nX-API-Key: app-key\r\nContent-Length: 100\r\n\r\n{');
    await new Promise(resolve => setImmediate(resolve));
    socket.destroy();
    assert.equal((await scene.post('/api/ingest', flow())).status, 200);
    assert.equal(scene.received.length, 1);
    while (scene.refused['cut short'] === undefined) await new Promise(resolve => setImmediate(resolve));
    assert.deepEqual(scene.refused, { 'cut short': 1 });
  });

  describe('when the flow', () => {
    it('fails: 503, and the sender keeps the reading', async () => {
      scene.deliver = () => Promise.reject(new Fault('FIELDLINE_DATABASE', 'database: away', { kind: 'outage' }));
      const response = await scene.post('/api/ingest', flow());
      assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '5']);
      assert.match(String((await jsonOf(response))['detail']), /database: away/);
    });

    it('is paused for a deploy: 503 at once', async () => {
      scene.desk.pause(true);
      assert.equal((await scene.post('/api/ingest', flow())).status, 503);
      scene.desk.pause(false);
      assert.equal((await scene.post('/api/ingest', flow())).status, 200);
    });

    it('is slow: 503 in the end, at once for all who come then, and 200 when it has caught up', async () => {
      await scene.close();
      scene = await openScene({ answerMs: 20 });
      let finish: (endings: readonly Ending[]) => void = () => {};
      scene.deliver = () => new Promise(resolve => (finish = resolve));
      assert.equal((await scene.post('/api/ingest', flow())).status, 503);
      scene.clock.advance(20);
      const second = await scene.post('/api/ingest', flow());
      assert.match(String((await jsonOf(second))['detail']), /has not answered/);
      assert.equal(scene.received.length, 1, 'the second was not let in');
      finish(stored(scene.received));
      await scene.desk.idle();
      scene.deliver = async readings => stored(readings);
      assert.equal((await scene.post('/api/ingest', flow())).status, 200);
    });

    it('has its window full: 503', async () => {
      await scene.close();
      scene = await openScene({ window: 2 });
      let finish: (endings: readonly Ending[]) => void = () => {};
      scene.deliver = () => new Promise(resolve => (finish = resolve));
      const first = scene.post('/api/ingest', [flow(), flow()]);
      while (scene.desk.open < 2) await new Promise(resolve => setImmediate(resolve));
      assert.equal((await scene.post('/api/ingest', flow())).status, 503);
      finish(stored(scene.received));
      assert.equal((await first).status, 200);
    });
  });
});
