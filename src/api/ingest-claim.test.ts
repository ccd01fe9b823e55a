// Claims of idempotency keys in a real database: one body for a key, over restarts, for whoever comes first, and 503 while it is away.
import assert from 'node:assert/strict';
import { migrate } from '../store/migrate.ts';
import { openStore, type Store } from '../store/store.ts';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import { type Claim, claimIn } from './ingest-claim.ts';
import { openScene, type Scene } from './ingest.fixture.ts';

const headers = { 'x-api-key': 'app-key', 'idempotency-key': 'order-1' };
const flow = (rate: unknown, device = 'd') => ({ device_id: device, flow_rate: rate });

describe('a claimed idempotency key', () => {
  let server: TestPostgres;
  let store: Store;
  let scene: Scene;
  before(async function () {
    server = await postgresFor(this);
    await migrate(server.url);
    store = openStore({ url: server.url, connections: 2 });
  });
  after(async () => {
    await store?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    await store.query('DELETE FROM receipts');
    scene = await openScene({ claim: claimIn(store.query) });
  });
  afterEach(() => scene.close());

  const restart = async (claim: Claim = claimIn(store.query)) => {
    await scene.close();
    scene = await openScene({ claim });
  };
  const post = async (body: unknown, path = '/api/ingest') => (await scene.post(path, body, headers)).status;

  it('belongs to its body after a restart, too', async () => {
    assert.equal(await post(flow(1)), 200);
    await restart();
    assert.deepEqual([await post(flow(2)), await post([flow(1)])], [422, 422]);
    assert.deepEqual(scene.refused, { 'key used twice': 2 });
    assert.equal(scene.received.length, 0);
    assert.equal(await post(flow(1)), 200);
  });

  it('belongs to one of two bodies that come at once over two gateways', async () => {
    const other = await openScene({ claim: claimIn(store.query) });
    const both = [post(flow(1)), other.post('/api/ingest', flow(2), headers).then(({ status }) => status)];
    assert.deepEqual((await Promise.all(both)).sort(), [200, 422]);
    assert.equal(scene.received.length + other.received.length, 1);
    await other.close();
  });

  it('is another one for another device of the address', async () => {
    for (const device of ['a', 'b']) assert.equal(await post(flow(1, device), `/api/devices/${device}/telemetry`), 200);
    await restart();
    assert.equal(await post(flow(2, 'b'), '/api/devices/b/telemetry'), 422);
  });

  it('is free where its body was refused', async () => {
    assert.equal(await post(flow('x')), 400);
    await restart();
    assert.equal(await post(flow(1)), 200);
  });

  it('waits for the database: 503, and nothing goes into the flow', async () => {
    await restart(() => Promise.reject(new Error('away')));
    const answer = await scene.post('/api/ingest', flow(1), headers);
    assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '5']);
    assert.equal(scene.received.length, 0);
    assert.equal((await scene.post('/api/ingest', flow(1), { 'x-api-key': 'app-key' })).status, 200, 'without a key');
  });
});
