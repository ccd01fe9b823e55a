// What every route does alike: refuses by name of the field, knows methods and types, and says when it cannot answer now.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { restoreLedger } from '../kernel/ledger.ts';
import { openStore } from '../store/store.ts';
import { bearer, openWorld, tokenFor } from './api.fixture.ts';
import { restApi } from './http-api.ts';
import { cursorText } from './page.ts';
import { httpWorld, type Row } from '../../test/api/http-world.ts';

describe('HTTP API', () => {
  const at = httpWorld();

  const refused: [path: string, field: string][] = [
    ['/api/history?metric=t', 'device'],
    ['/api/history?device=&metric=t', 'device'],
    ['/api/history?device=a%00&metric=t', 'device'],
    ['/api/history?device=a', 'metric'],
    ['/api/history?device=a&metric=t&points=0', 'points'],
    ['/api/history?device=a&metric=t&points=2001', 'points'],
    ['/api/history?device=a&metric=t&points=1e99', 'points'],
    ['/api/history?device=a&metric=t&points=many', 'points'],
    ['/api/history?device=a&metric=t&start=yesterday', 'start'],
    ['/api/history?device=a&metric=t&end=2026-02-31', 'end'],
    ['/api/history?device=a&metric=t&start=2026-02-02&end=2026-02-01', 'start'],
    ['/api/history?device=a&metric=t&hours=-1', 'hours'],
    ['/api/history?device=a&metric=t&bucket=1s&start=2020-01-01', 'bucket'],
    ['/api/history?device=a&metric=t&bucket=0m', 'bucket'],
    ['/api/history?device=a&metric=t&tz=Mars', 'tz'],
    ['/api/history?device=a&metric=t&tz=%2B02:00', 'tz'],
    ['/api/history?device=a&metric=t&aggregate=median', 'aggregate'],
    ['/api/flow-data?limit=0', 'limit'],
    ['/api/flow-data?limit=99999999', 'limit'],
    ['/api/flow-data?start_time=then', 'start_time'],
    ['/api/flow-data?device_id=%00', 'device_id'],
    ['/api/flow-data?cursor=WyJ4IiwxXQ', 'cursor'],
    ['/api/flow-data?cursor=%7B', 'cursor'],
    [`/api/flow-data?cursor=${cursorText(['0000-01-01T00:00:00.000Z', 1])}`, 'cursor'],
    [`/api/flow-data?cursor=${cursorText(['2026-02-30T00:00:00.000Z', 1])}`, 'cursor'],
    [`/api/flow-data?cursor=${cursorText(['2026-02-01T00:00:00.000Z', 1.5])}`, 'cursor'],
    [`/api/inspections?cursor=${cursorText(['2026-02-01T00:00:00.000Z', 'no uuid'])}`, 'cursor'],
    ['/api/flow-data?start_time=0000-01-01', 'start_time'],
    ['/api/v1/energy/hourly?start=2026-01-01&end=2027-12-31', 'start'],
    ['/api/devices?online=maybe', 'online'],
    ['/api/devices/%00', 'id'],
    ['/api/devices/%ff', 'path'],
    ['/api/dead-letters/x', 'id'],
    ['/api/dead-letters?state=lost', 'state'],
    ['/api/inspections/x', 'id'],
  ];
  for (const [path, field] of refused)
    it(`refuses ${path} and names ${field}`, async () => {
      const answer = await at.world.get(path);
      assert.equal(answer.status, 400);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json');
      const problem = (await answer.json()) as Row;
      assert.equal(problem['field'], field);
      assert.match(String(problem['detail']), new RegExp(`^${field}: expected `));
    });

  it('knows its methods, types and limits', async () => {
    const wrong = await fetch(`${at.world.base}/api/devices`, { method: 'DELETE' });
    assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'GET, HEAD']);
    const north = bearer(tokenFor('operator', 'north'));
    const post = (body: string, headers: Record<string, string>) =>
      fetch(`${at.world.base}/api/inspections`, { method: 'POST', body, headers: { ...north, ...headers } });
    assert.equal((await post('{}', { 'content-type': 'text/plain' })).status, 415);
    assert.equal(
      (await post(`{"data": {"x": "${'x'.repeat(1_100_000)}"}}`, { 'content-type': 'application/json' })).status,
      413,
    );
    assert.equal((await at.world.get('/api/nothing')).status, 404);
  });

  it('takes so many questions at once, lets so many wait, and answers what asks no database all the same', async () => {
    let release = () => {};
    const held = new Promise<void>(resolve => {
      release = resolve;
    });
    const slow = await openWorld(async () => {
      await held;
      return [];
    });
    const asked = Array.from({ length: 210 }, () => slow.get('/api/flow-data'));
    const refused = await Promise.any(
      asked.map(async one => ((await one).status === 503 ? one : Promise.reject(new Error()))),
    );
    assert.match(((await refused.json()) as Row)['detail'] as string, /8 requests are worked on and 200 wait/);
    assert.equal((await slow.get('/metrics')).status, 200);
    release();
    const statuses = await Promise.all(asked.map(async one => (await one).status));
    assert.equal(statuses.filter(status => status === 200).length, 208);
    await slow.close();
  });

  it('has the account of each source in its metrics', async () => {
    const totals = { returned: 1, outbox: 1, deadLetters: 1, duplicates: 2, dropped: 3, open: 0, openSince: undefined };
    const line = { ...totals, upTo: 0, beyond: [], countedAt: 0, stored: 10, received: 18 };
    restoreLedger([{ ...line, source: 'metrics test', name: 'a "b"' }]);
    const text = await (await at.world.get('/metrics')).text();
    const states = { in: 17, stored: 10, duplicates: 2, dead_letters: 1, dropped: 3, in_flight: 1 };
    const of = String.raw`fieldline_ledger_messages{name="a \"b\"",source="metrics test",state=`;
    for (const [state, messages] of Object.entries(states))
      assert.ok(text.includes(`\n${of}"${state}"} ${messages}\n`), state);
  });

  it('has what is ready, and what waits for the database, in its metrics', async () => {
    const parts = [
      { part: 'flows', ready: true },
      { part: 'database', ready: false },
    ];
    const pool = { totalCount: 5, idleCount: 2, waitingCount: 7 };
    const gateway = await openWorld(at.store.query, { parts: async () => ({ parts }), pool });
    const text = await (await gateway.get('/metrics')).text();
    await gateway.close();
    for (const line of [
      'fieldline_part_up{part="flows"} 1',
      'fieldline_part_up{part="database"} 0',
      'fieldline_database_connections{state="busy"} 3',
      'fieldline_database_connections{state="idle"} 2',
      'fieldline_database_waiting 7',
      'fieldline_http_waiting 0',
    ])
      assert.ok(text.includes(`\n${line}\n`), line);
  });

  it('tells clients to come again while it is deployed, or started', async () => {
    at.world.shut();
    const answer = await at.world.get('/api/devices');
    assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '5']);
    const started = createServer((_request, response) => response.writeHead(404).end()).listen(0, '127.0.0.1');
    await once(started, 'listening');
    const base = `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
    const end = restApi(started);
    assert.equal((await fetch(`${base}/rest/v1/devices`)).status, 503);
    end();
    assert.equal((await fetch(`${base}/rest/v1/devices`)).status, 404);
    started.closeAllConnections();
    started.close();
  });

  it('says 503 while the database is away', async () => {
    const away = openStore({ url: 'postgres://nobody@127.0.0.1:1/none', connectTimeoutMs: 500 });
    const other = await openWorld(away.query);
    for (const path of ['/api/devices', '/api/history?device=a&metric=t', '/rest/v1/devices']) {
      const answer = await other.get(path);
      assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '5'], path);
    }
    assert.equal((await other.get('/metrics')).status, 200);
    await other.close();
    await away.close();
  });
});
