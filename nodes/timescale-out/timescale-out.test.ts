// timescale-out in real Node-RED on a real PostgreSQL: commit before done, outage, refused rows, deploy.
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { Reading } from '../../src/reading/reading.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import timescaleDbNode from '../timescale-db/timescale-db.ts';
import timescaleOutNode from './timescale-out.ts';

const reading = (n: number, telemetry: Reading['telemetry'] = { power_kw: n }): Reading => ({
  deviceId: 'meter',
  protocol: 'mqtt',
  timestamp: new Date(Date.UTC(2026, 0, 3, 16) + n).toISOString(),
  telemetry,
  metadata: {},
});
describe('timescale-out node', () => {
  let server: TestPostgres;
  let store: Store;
  let runtime: TestRuntime;
  before(async function () {
    server = await postgresFor(this);
    store = openStore({ url: server.url, connections: 2 });
    runtime = await testRuntime();
    runtime.register(timescaleDbNode, timescaleOutNode);
  });
  after(async () => {
    await runtime?.deploy([]);
    await store?.close();
    await server?.stop();
  });
  const flow = (settings: object = {}) => [
    { id: 'db', type: 'fieldline-timescale-db', url: server.url },
    { id: 'src', type: 'test-source', wires: [['out']] },
    {
      id: 'out',
      type: 'fieldline-timescale-out',
      store: 'db',
      wires: [['stored'], ['rejected']],
      policy: 'memory',
      ...settings,
    },
    { id: 'stored', type: 'test-sink' },
    { id: 'rejected', type: 'test-sink' },
  ];
  const counted = async (table: string) =>
    (await store.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n ?? 0;

  it('migrates an empty database, stores, and settles after the commit', async () => {
    await runtime.deploy(flow());
    assert.deepEqual(await runtime.emit('src', { topic: 't', payload: reading(1) }), { ok: true });
    assert.equal(await counted('energy_readings'), 1);
    assert.deepEqual(
      runtime.received('stored').map(({ topic, payload }) => [topic, (payload as Reading).telemetry]),
      [['t', { power_kw: 1 }]],
    );
    assert.match((await runtime.untilStatus('out', /rows\/s/)).text ?? '', /rows\/s/);
  });

  it('passes on what is new in a batch, keeps what is refused, and is silent on what it has', async () => {
    await runtime.deploy(flow());
    const known = reading(5);
    await runtime.emit('src', { payload: known });
    const good = reading(2);
    const endless = { ...reading(4), metadata: { extra: { big: 1n } } };
    const bad = { ...reading(3), deviceId: 'nul\0' };
    const message = { topic: 'u', payload: [known, good, bad, 'no reading', null, endless] };
    assert.deepEqual(await runtime.emit('src', message), { ok: true });
    assert.deepEqual(
      runtime.received('stored').map(({ payload }) => payload),
      [known, [good]],
    );
    const [refused] = runtime.received('rejected');
    const [first, second, third] = refused!.payload as [Reading, string, null];
    assert.equal(first.deviceId, bad.deviceId);
    assert.match(String(first.metadata['rejected']), /22021/);
    assert.deepEqual([second, third], ['no reading', null]);
    const letters = await store.query<{ topic: string; reason: string; bytes: Buffer; source: string }>(
      'SELECT topic, reason, bytes, source FROM dead_letters ORDER BY id',
    );
    assert.deepEqual(
      letters.map(({ topic, bytes, source }) => [topic, source, String(bytes)]),
      [
        ['u', 'out', JSON.stringify(bad)],
        ['u', 'out', '"no reading"'],
        ['u', 'out', 'null'],
        ['u', 'out', inspect(endless, { depth: 10 })],
      ],
    );
    assert.match((await runtime.untilStatus('out', /4 rejected/)).text ?? '', /4 rejected: .+/);

    assert.deepEqual(await runtime.emit('src', { payload: [known, good] }), { ok: true });
    assert.deepEqual(await runtime.emit('src', { payload: bad }), { ok: true });
    assert.equal(runtime.received('stored').length, 2);
    assert.deepEqual(await store.query("SELECT attempts FROM dead_letters WHERE device_id LIKE 'nul%'"), [
      { attempts: 2 },
    ]);
  });

  it('holds messages over an outage longer than the delivery time limit, and stores each once', async () => {
    await runtime.deploy(flow());
    await server.terminate('SIGQUIT');
    const settled = [10, 11, 12].map(n => runtime.emit('src', { payload: reading(n) }));
    await runtime.untilStatus('out', /^database away, retry in \d+ s, 3 waiting; .*ECONNREFUSED/);
    // The limit of the test runtime is 2 s.
    await new Promise(resolve => setTimeout(resolve, 2500));
    await server.restart();
    for (const outcome of await Promise.all(settled)) assert.deepEqual(outcome, { ok: true });
    assert.deepEqual(await store.query('SELECT power_kw FROM energy_readings WHERE power_kw >= 10 ORDER BY 1'), [
      { power_kw: 10 },
      { power_kw: 11 },
      { power_kw: 12 },
    ]);
    const back = await runtime.untilStatus('out', /rows\/s$/);
    assert.equal(back.fill, 'green');
  }).timeout(20_000);

  it('stores what it holds when it is deployed away', async () => {
    await runtime.deploy(flow());
    const settled = Array.from({ length: 50 }, (_, n) => runtime.emit('src', { payload: reading(100 + n) }));
    await runtime.deploy(flow(), 'full');
    for (const outcome of await Promise.all(settled)) assert.equal(outcome.ok || outcome.kind !== 'data', true);
    const again = Array.from({ length: 50 }, (_, n) => runtime.emit('src', { payload: reading(100 + n) }));
    await Promise.all(again);
    assert.deepEqual(await store.query('SELECT count(*) AS n FROM energy_readings WHERE power_kw >= 100'), [{ n: 50 }]);
  });

  it('keeps readings on disk through an outage, done at once, and passes them on when they are stored', async () => {
    await runtime.deploy(flow({ policy: 'disk' }));
    assert.deepEqual(await runtime.emit('src', { payload: reading(200) }), { ok: true });
    await server.terminate('SIGQUIT');
    const bad = { ...reading(203), deviceId: 'nul\0' };
    assert.deepEqual(await runtime.emit('src', { topic: 'one', payload: reading(201) }), { ok: true });
    assert.deepEqual(await runtime.emit('src', { payload: [reading(202), bad, reading(201)] }), { ok: true });
    await runtime.untilStatus('out', /^database away, .*4 on disk \(0\.0 MB, oldest \d+ s\); .*ECONNREFUSED/);
    assert.equal(runtime.received('stored').length, 1);
    // Another node of the same id, as after a restart.
    await runtime.deploy(flow({ policy: 'disk' }));
    await runtime.untilStatus('out', /4 on disk/);
    await server.restart();
    const [single, batch] = await runtime.until('stored', 2);
    // What they are marked with on the way is none of their content.
    const content = structuredClone([single?.topic, single?.payload, batch?.payload]);
    assert.deepEqual(content, ['one', reading(201), [reading(202)]]);
    const [refused] = await runtime.until('rejected', 1);
    assert.match(String((refused!.payload as Reading[])[0]?.metadata['rejected']), /22021/);
    assert.deepEqual(await store.query('SELECT power_kw FROM energy_readings WHERE power_kw >= 200 ORDER BY 1'), [
      { power_kw: 200 },
      { power_kw: 201 },
      { power_kw: 202 },
    ]);
    assert.deepEqual(await runtime.emit('src', { payload: reading(204) }), { ok: true });
    assert.equal((await runtime.until('stored', 3)).length, 3);
  }).timeout(30_000);

  it('drops readings of an outage where that is the policy, and counts them', async () => {
    await runtime.deploy(flow({ policy: 'drop' }));
    await runtime.emit('src', { payload: reading(300) });
    await server.terminate('SIGQUIT');
    assert.deepEqual(await runtime.emit('src', { payload: [reading(301), reading(302)] }), { ok: true });
    await runtime.untilStatus('out', /^database away, .*2 dropped/);
    await server.restart();
    assert.equal(runtime.received('stored').length, 1);
  }).timeout(30_000);

  it('says what is wrong without a database, and gives no message up', async () => {
    await runtime.deploy(flow({ store: '' }));
    assert.match((await runtime.untilStatus('out', /timescale-db/)).text ?? '', /expected a timescale-db node/);
    const settled = await runtime.emit('src', { payload: reading(1) });
    assert.equal(settled.ok, false);
    assert.equal(!settled.ok && settled.kind, 'outage');
  });
});
