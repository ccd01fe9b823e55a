// What clients hear while no live server is there: the public EventSource and live.js come back, and nobody is told that there is nothing.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { EventSource } from 'eventsource';
import { WebSocket } from 'ws';
import { until } from '../../test/support/until.ts';
import { openAdmission } from './admission.ts';
import { awayEndpoint } from './away.ts';
import type { Endpoint } from './endpoint.ts';
import { createHub } from './hub.ts';
import { laser, type Served, serveEndpoint } from './live.fixture.ts';
import { isLive } from './paths.ts';
import { sseEndpoint } from './sse.ts';

describe('live while it is away', () => {
  let standing: Endpoint;
  let served: Served;
  const away = awayEndpoint(isLive);

  beforeEach(async () => {
    standing = away;
    served = await serveEndpoint({
      leads: path => standing.leads(path),
      request: (...request) => standing.request(...request),
      upgrade: (...upgrade) => standing.upgrade(...upgrade),
      async close() {},
    });
  });
  afterEach(() => served.close());

  it('lets an EventSource come back, and go on where it was', async () => {
    const hub = createHub();
    const live = sseEndpoint(hub, openAdmission({ identify: () => ({ role: 'viewer' }) }));
    standing = live;
    const source = new EventSource(`http://${served.at}/sse?channel=device:D1`);
    const values: unknown[] = [];
    source.addEventListener('pub', ({ data }) => values.push(JSON.parse(data).data.value_mm));
    try {
      await once(source as never, 'open');
      hub.publish([laser(1)]);
      await until(() => values.length === 1);
      standing = away;
      await live.close();
      await once(source as never, 'error');
      hub.publish([laser(2)]);
      // It asks once in vain.
      await once(source as never, 'open');
      standing = live;
      await until(() => values.length === 2);
      assert.deepEqual(values, [1, 2]);
    } finally {
      source.close();
      await live.close();
      hub.close();
    }
  });

  for (const path of ['/ws', '/realtime/v1/websocket?vsn=2.0.0', '/socket.io/?EIO=4&transport=websocket', '/sse'])
    it(`answers a WebSocket at ${path} with 503`, async () => {
      const client = new WebSocket(`ws://${served.at}${path}`);
      client.on('error', () => {});
      assert.equal((await once(client, 'unexpected-response'))[1].statusCode, 503);
    });

  it('answers requests with 503 and when to come again, serves the browser client, and leaves other paths alone', async () => {
    for (const path of ['/ws', '/socket.io/?EIO=4&transport=polling', '/realtime/v1/api/broadcast']) {
      const answer = await fetch(`http://${served.at}${path}`);
      assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '2'], path);
    }
    assert.equal((await fetch(`http://${served.at}/fieldline/live.js`)).status, 200);
    for (const path of ['/', '/sses', '/ws/ingest', '/socket.iox', '/realtime/v1/api'])
      assert.equal(away.leads(path), false, path);
  });

  it('lets a page of another site read that it is to come again, and nothing else', async () => {
    const answer = await fetch(`http://${served.at}/sse`, { headers: { origin: 'https://scada.example' } });
    assert.equal(answer.headers.get('access-control-allow-origin'), 'https://scada.example');
    assert.equal(await answer.text(), 'retry: 2000\n\n');
  });
});
