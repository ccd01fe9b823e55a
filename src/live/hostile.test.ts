// What no client of ours sends: nesting without end, half surrogates, filters of every column with every value. Nobody else notices.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as socketIo from 'socket.io';
import { WebSocket } from 'ws';
import { columnsOf } from './columns.ts';
import { pathOf } from './endpoint.ts';
import { parseFilter } from './filter.ts';
import { createHub, type Hub } from './hub.ts';
import { laser } from './live.fixture.ts';
import { type LiveServer, openLiveServer } from './live-server.ts';
import type { SocketIo } from './socket-io-package.ts';

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const DEEP = nested(20_000);

describe('live beside hostile clients', () => {
  let hub: Hub;
  let server: Server;
  let live: { endpoint: { close(): Promise<void> }; server: LiveServer };
  let at: string;
  const lines: WebSocket[] = [];

  beforeEach(async () => {
    hub = createHub();
    server = createServer();
    const opened = openLiveServer(hub, {
      ...{ at: server, path: '/ws', others: true, socketIo: socketIo as unknown as SocketIo, origins: [] },
      identify: () => ({ role: 'viewer' }),
      ...{ maxConnections: 100, maxSubscriptions: 10, queueBytes: 1e6, pingMs: 25_000 },
    });
    live = opened;
    server.on('upgrade', (request, socket, head) => {
      if (opened.endpoint.leads(pathOf(request))) opened.endpoint.upgrade(request, socket, head);
    });
    server.on('request', (request, response) => opened.endpoint.request(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    for (const line of lines.splice(0)) line.terminate();
    await live.endpoint.close();
    hub.close();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  async function open(path: string): Promise<WebSocket> {
    const line = new WebSocket(`ws://${at}${path}`);
    lines.push(line);
    line.on('error', () => undefined);
    await once(line, 'open');
    return line;
  }

  it('answers others in between when one asks for snapshot after snapshot', async () => {
    const devices = Array.from({ length: 10_000 }, (_, n) => laser(1, {}, `device-${n}`));
    hub.publish(devices, false);
    const [greedy, modest] = [await open('/ws'), await open('/ws')];
    const answered: string[] = [];
    for (const [name, line] of Object.entries({ greedy, modest })) {
      line.send('{"id":1,"connect":{}}');
      await once(line, 'message');
      line.on('message', frame => void answered.push(`${name} ${JSON.parse(String(frame).split('\n').at(-1)!).id}`));
    }
    const storm = Array.from({ length: 30 }, (_, n) => [
      {
        id: 2 + 2 * n,
        subscribe: { channel: 'device-status', data: { snapshot: true, filter: `device_id=like.%x${n}%` } },
      },
      { id: 3 + 2 * n, unsubscribe: { channel: 'device-status' } },
    ]);
    await new Promise(sent =>
      greedy.send(
        storm
          .flat()
          .map(one => JSON.stringify(one))
          .join('\n'),
        sent,
      ),
    );
    modest.send('{"id":2,"ping":{}}');
    await once(greedy, 'message');
    assert.deepEqual(answered, ['modest 2', 'greedy 61']);
  });

  for (const [path, bytes] of [
    ['/ws', 64 * 1024],
    ['/realtime/v1/websocket?vsn=2.0.0&apikey=x', 1024 * 1024],
  ] as const)
    it(`takes frames of ${bytes / 1024} KB at most on ${path.split('?')[0]}`, async () => {
      const line = await open(path);
      line.send('x'.repeat(bytes + 1));
      assert.equal((await once(line, 'close'))[0], 1009);
    });

  const realtime = '/realtime/v1/websocket?vsn=2.0.0&apikey=x';
  const join = `["1","1","realtime:a","phx_join",{"config":{"broadcast":{"ack":true},"presence":{"enabled":true}}}]`;
  const binary = (json: string): Buffer =>
    Buffer.concat([Buffer.of(3, 1, 1, 10, 1, 0, 1), Buffer.from(`12realtime:ae${json}`)]);
  const nests: [name: string, path: string, frames: (string | Buffer)[], code: number][] = [
    ['a broadcast', realtime, [join, `["1","2","realtime:a","broadcast",{"event":"e","payload":${DEEP}}]`], 4400],
    ['a broadcast in bytes', realtime, [join, binary(DEEP)], 4400],
    [
      'a presence',
      realtime,
      [join, `["1","2","realtime:a","presence",{"event":"track","payload":{"a":${DEEP}}}]`],
      4400,
    ],
    [
      'a binding',
      realtime,
      [`["1","1","realtime:a","phx_join",{"config":{"postgres_changes":[{"table":${DEEP}}]}}]`],
      4400,
    ],
    [
      'wishes',
      '/ws',
      ['{"id":1,"connect":{}}', `{"id":2,"subscribe":{"channel":"alarms","data":{"a":${DEEP}}}}`],
      3501,
    ],
    ['an event', '/socket.io/?EIO=4&transport=websocket', ['40', `420["subscribe","alarms",{"filter":${DEEP}}]`], 1005],
  ];
  for (const [name, path, frames, code] of nests)
    it(`sends ${name} away that is nested without end, and goes on with the others`, async () => {
      const other = await open('/ws');
      other.send('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"device:D1"}}');
      await once(other, 'message');
      const line = await open(path);
      const closed = once(line, 'close');
      for (const frame of frames) line.send(frame);
      assert.equal((await closed)[0], code);
      const heard = once(other, 'message');
      hub.publish([laser(1)]);
      assert.match(String((await heard)[0]), /"value_mm":1,/);
    });

  for (const path of ['/ws', realtime, '/socket.io/?EIO=4&transport=websocket'])
    it(`ends a line at ${path} that pings without end and reads no answer`, async () => {
      const line = await open(path);
      const gone = once(line, 'close');
      line.pause();
      let sent = 0;
      const pings = setInterval(() => {
        for (let n = 0; n < 5000 && line.readyState === WebSocket.OPEN; n++) line.ping(Buffer.alloc(120));
        sent += 5000 * 120;
        // Its close is behind the answers that it has not read.
        if (live.server.clients === 0) line.terminate();
      }, 1);
      try {
        await gone;
      } finally {
        clearInterval(pings);
      }
      assert.ok(sent < 100e6, `${sent} bytes of pings`);
    });

  it('refuses a broadcast over HTTP that is nested without end', async () => {
    const post = (body: string) =>
      fetch(`http://${at}/realtime/v1/api/broadcast`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'text/json' },
      });
    const message = (payload: string) => `{"messages":[{"topic":"a","event":"e","payload":${payload}}]}`;
    assert.equal((await post(message(DEEP))).status, 400);
    assert.equal((await post(message(nested(20)))).status, 202);
  });

  it('gives every filter an answer: rows or a reason', () => {
    const values = [
      ...['1', 'abc', '', 'null', 'NULL', '1e999', '-0', 'NaN', 'Infinity', '\0', '\ud800', '\udc00x', '2026-02-30'],
      ...[
        '2026-01-01T00:00:00+99',
        '9999999-01-01',
        'true',
        '{}',
        '[1]',
        '"',
        '\\',
        '(',
        ')',
        '((((',
        '%',
        '😀',
        '0x10',
      ],
      ...['99999999999999999999', '00000000-0000-0000-0000-000000000000', `${'1,'.repeat(400)}1`],
    ];
    const stored = [1, 'abc', null, undefined, true, {}, [1], Number.NaN, '\ud800', '2026-01-01T00:00:00.000Z'];
    const operators = [
      'eq',
      'neq',
      'lt',
      'gte',
      'in',
      'is',
      'like',
      'ilike',
      'match',
      'isdistinct',
      'fts',
      '__proto__',
    ];
    const columns = { ...columnsOf.measurements, ...columnsOf.devices, ...columnsOf.alerts };
    for (const column of [...Object.keys(columns), 'nope', '__proto__', 'toString', 'a.b'])
      for (const operator of operators)
        for (const value of values.flatMap(text => [text, `(${text})`, `"${text}"`])) {
          const asked = `${column}=not.${operator}.${value}`;
          for (const text of [asked, asked.replace('not.', '')]) {
            const filter = parseFilter(text, columns);
            if ('refused' in filter) assert.ok(filter.refused.length > 0 && filter.refused.length < 300, text);
            else for (const one of stored) assert.equal(typeof filter.holds(() => one), 'boolean', text);
          }
        }
  });
});
