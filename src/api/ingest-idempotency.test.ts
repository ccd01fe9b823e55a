// Idempotency-Key of ingest on real sockets: one body, one gateway, one answer; free again where nothing was stored.
import assert from 'node:assert/strict';
import { Fault } from '../kernel/fault.ts';
import type { Ending } from '../kernel/ledger.ts';
import { openScene, type Scene, stored } from './ingest.fixture.ts';

const flow = (more: object = {}) => ({ device_id: 'd', flow_rate: 1, timestamp: '2026-02-11T14:00:00Z', ...more });
const jsonOf = async (response: Response) => (await response.json()) as Record<string, unknown>;

describe('an idempotency key', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await openScene();
  });
  afterEach(() => scene.close());
  const headers = { 'x-api-key': 'app-key', 'idempotency-key': '"order-1"' };

  it('gives the same answer twice for one body, and stores it once', async () => {
    const first = await jsonOf(await scene.post('/api/ingest', flow({ timestamp: undefined }), headers));
    const again = await jsonOf(await scene.post('/api/ingest', flow({ timestamp: undefined }), headers));
    assert.deepEqual(again, first);
    assert.equal(scene.received.length, 1);
    assert.deepEqual(scene.received[0]?.metadata.receipt, { key: 'http /phone order-1', redelivered: true });
  });

  for (const size of [0, 5000])
    it(`belongs to one body of ${size} characters more: 422 for another`, async () => {
      const body = flow({ note: 'x'.repeat(size) });
      await scene.post('/api/ingest', body, headers);
      assert.equal((await scene.post('/api/ingest', { ...body, flow_rate: 2 }, headers)).status, 422);
      assert.deepEqual(scene.refused, { 'key used twice': 1 });
      assert.equal((await scene.post('/api/ingest', body, headers)).status, 200);
      // The answer to a large body is not kept: its readings go again, with the receipt by which they are known.
      assert.equal(scene.received.length, size === 0 ? 1 : 2);
    });

  it('is that of the gateway or app, whichever of its keys is shown, and of no other', async () => {
    scene.keys.set('rotated', { ...scene.keys.get('app-key')!, id: 3 });
    const body = flow({ timestamp: undefined });
    for (const key of ['app-key', 'rotated', 'gateway-key'])
      await scene.post('/api/ingest', body, { ...headers, 'x-api-key': key });
    assert.deepEqual(
      scene.received.map(({ metadata }) => metadata.receipt?.key),
      ['http /phone order-1', 'http acme/gw-1 order-1'],
    );
  });

  it('is free again where nothing was stored', async () => {
    for (const wrong of [flow({ flow_rate: 'x' }), '{', Array.from({ length: 101 }, () => flow())])
      assert.ok((await scene.post('/api/ingest', wrong, headers)).status >= 400);
    assert.equal((await scene.post('/api/ingest', [flow(), {}], headers)).status, 400);
    assert.equal((await scene.post('/api/ingest?partial=true', [flow(), {}], headers)).status, 207);
  });

  it('serves twins that come at once with one answer', async () => {
    let finish: (endings: readonly Ending[]) => void = () => {};
    scene.deliver = () => new Promise(resolve => (finish = resolve));
    const twins = [1, 2].map(() => scene.post('/api/ingest', flow({ note: 'x'.repeat(5000) }), headers));
    while (scene.received.length === 0) await new Promise(resolve => setImmediate(resolve));
    assert.equal((await scene.post('/api/ingest', flow(), headers)).status, 422, 'another body meanwhile');
    finish(stored(scene.received));
    for (const twin of await Promise.all(twins)) assert.equal((await jsonOf(twin))['stored'], 1);
    assert.equal(scene.received.length, 1);
  });

  it('is tried again after an outage', async () => {
    scene.deliver = () => Promise.reject(new Fault('FIELDLINE_DATABASE', 'away', { kind: 'outage' }));
    assert.equal((await scene.post('/api/ingest', flow(), headers)).status, 503);
    scene.deliver = async readings => stored(readings);
    assert.equal((await scene.post('/api/ingest', flow(), headers)).status, 200);
  });
});
