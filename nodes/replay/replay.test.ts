// replay in real Node-RED on a real PostgreSQL: into the decoders and the tables again, once; button, input, deploy in the middle.
import assert from 'node:assert/strict';
import { archive } from '../../src/archive/archive.ts';
import { archiveRow } from '../../src/archive/row.ts';
import { allHistograms } from '../../src/reading/histogram.ts';
import type { Raw } from '../../src/reading/raw.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import { until } from '../../test/support/until.ts';
import advertDecodeNode from '../advert-decode/advert-decode.ts';
import laserDecodeNode from '../laser-decode/laser-decode.ts';
import normalizeNode from '../normalize/normalize.ts';
import rawArchiveNode from '../raw-archive/raw-archive.ts';
import timescaleDbNode from '../timescale-db/timescale-db.ts';
import timescaleOutNode from '../timescale-out/timescale-out.ts';
import replayNode from './replay.ts';

const T0 = Date.now() - 3_600_000;
const base = { source: 'pi', protocol: 'mqtt' } as const;
const advert = (n: number): Raw => ({
  ...base,
  topic: 'bt-mqtt/raw/pi',
  receivedAt: T0 + n,
  bytes: Buffer.from(
    JSON.stringify({
      scanner_id: 'pi',
      address: 'A4:C1:38:8D:18:B2',
      service_data: { fcd2: '4002ca09' },
      timestamp: new Date(T0 + n).toISOString(),
    }),
  ),
});
const bare = (n: number): Raw => ({
  ...base,
  topic: 'homelab/temperature/shed',
  receivedAt: T0 + n,
  bytes: Buffer.from('21.5'),
});
const frame: Raw = {
  ...base,
  topic: 'ble/pi/AA:BB:CC:DD:EE:FF/02a6c0d1-0451-4000-b000-fb3210111989',
  protocol: 'bluetooth',
  deviceId: 'AA:BB:CC:DD:EE:FF',
  receivedAt: T0 + 5,
  bytes: Buffer.from('c0551006000001cdcc1c400000000000000000dc', 'hex'),
};

describe('replay node', () => {
  let server: TestPostgres;
  let store: Store;
  let runtime: TestRuntime;
  const flow = (settings: object = {}, progress = true) => [
    { id: 'db', type: 'fieldline-timescale-db', url: server.url },
    {
      id: 'n',
      type: 'fieldline-replay',
      store: 'db',
      ...settings,
      wires: [['a'], ['l'], ['m'], progress ? ['p'] : []],
    },
    { id: 'a', type: 'fieldline-advert-decode', wires: [['out'], []] },
    { id: 'l', type: 'fieldline-laser-decode', wires: [['out'], []] },
    { id: 'm', type: 'fieldline-normalize', wires: [['out'], []] },
    { id: 'out', type: 'fieldline-timescale-out', store: 'db', wires: [['k'], []] },
    { id: 'k', type: 'test-sink' },
    ...['a', 'l', 'm'].flatMap(to => [
      { id: `from ${to}`, type: 'test-source', wires: [[`kept ${to}`]] },
      { id: `kept ${to}`, type: 'fieldline-raw-archive', store: 'db', wires: [[to]] },
    ]),
    { id: 'p', type: 'test-sink' },
  ];
  before(async function () {
    server = await postgresFor(this);
    store = openStore({ url: server.url, connections: 2 });
    runtime = await testRuntime();
    runtime.register(timescaleDbNode, advertDecodeNode, laserDecodeNode, normalizeNode, timescaleOutNode);
    runtime.register(rawArchiveNode, replayNode);
    await runtime.deploy(flow());
    await runtime.untilStatus('n', /^ready$/);
  });
  after(async () => {
    await runtime?.deploy([]);
    await store?.close();
    await server?.stop();
  });
  afterEach(() =>
    store?.query(
      'TRUNCATE raw_advertisements, replays, sensor_readings, measurements, devices, latest_values, dead_letters',
    ),
  );
  const keep = (...raws: Raw[]) =>
    archive({ query: store.prepared, bulk: store.bulk, target: 't' }).write(
      raws.map(raw => archiveRow(raw, raw.receivedAt)),
    );
  const press = async (node: string) => {
    const answer = await fetch(`${runtime.url}/fieldline/replay`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ node }),
    });
    return [answer.status, (await answer.json()) as { says?: string; error?: string }] as const;
  };
  const count = async (table: string) => (await store.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]!.n;

  it('runs adverts, frames and messages through their decoders, by the button; again it adds nothing', async () => {
    const timed = () => allHistograms().map(({ labels, counts }) => [labels, [...counts]]);
    const timedBefore = timed();
    await keep(advert(1), advert(2), bare(3), bare(4), frame, {
      ...bare(6),
      topic: 'modbus/bus/1',
      bytes: Buffer.from('0103', 'hex'),
    });
    const [status, { says }] = await press('n');
    assert.deepEqual([status, says?.replace(/\d+/, 'n')], [200, 'replay n begins']);
    await runtime.untilStatus('n', /done: 5 of 5 \(100 %\)$/);
    assert.deepEqual([await count('sensor_readings'), await count('measurements')], [4, 1]);
    assert.deepEqual(
      (
        await store.query<{ device_id: string; at: Date }>('SELECT DISTINCT device_id FROM sensor_readings ORDER BY 1')
      ).map(row => row.device_id),
      ['A4:C1:38:8D:18:B2', 'shed'],
    );
    const [measured] = await store.query<{ device_id: string; timestamp: Date }>(
      'SELECT device_id, timestamp FROM measurements',
    );
    assert.deepEqual([measured?.device_id, measured?.timestamp.getTime()], ['AA:BB:CC:DD:EE:FF', T0 + 5]);
    const before = runtime.received('k').length;
    runtime.inject('n', { payload: {} });
    await runtime.untilStatus('n', /2 done: 5 of 5/);
    assert.deepEqual([await count('sensor_readings'), await count('measurements')], [4, 1]);
    assert.equal(runtime.received('k').length, before);
    const [last] = runtime.received('p').slice(-1);
    const { state, settled, total, failed } = last!.payload as Record<string, unknown>;
    assert.deepEqual({ state, settled, total, failed }, { state: 'done', settled: 5, total: 5, failed: 0 });
    assert.deepEqual(timed(), timedBefore, 'an old receipt tells nothing of how long a reading takes');
  });

  it('adds nothing to what stock nodes gave, also without a time of its own', async () => {
    const { timestamp: _, ...timeless } = JSON.parse(advert(0).bytes.toString()) as Record<string, unknown>;
    const given: readonly [to: string, topic: string, payload: unknown][] = [
      ['m', 'homelab/temperature/shed', '21.5'],
      ['m', 'homelab/temperature/shed', 22],
      [
        'm',
        'any/thing',
        [
          { device_id: 'd', temperature: 1 },
          { device_id: 'd', temperature: 2 },
        ],
      ],
      ['a', 'bt-mqtt/raw/pi', timeless],
      ['a', 'bt-mqtt/raw/pi', Buffer.from(JSON.stringify({ ...timeless, rssi: -70 }))],
      ['l', frame.topic, Buffer.from(frame.bytes).toString('hex')],
    ];
    for (const [to, topic, payload] of given)
      await runtime.emit(`from ${to}`, { topic, payload, deviceId: frame.deviceId });
    const rows = async () => [await count('sensor_readings'), await count('measurements')];
    const before = await rows();
    assert.deepEqual(before, [6, 1]);
    runtime.inject('n', { payload: {} });
    await runtime.untilStatus('n', /done: 6 of 6/);
    assert.deepEqual(await rows(), before);
  });

  it('takes its range from a message, and refuses a wrong one', async () => {
    await keep(advert(1), advert(2), advert(3));
    runtime.inject('n', { payload: { from: new Date(T0 + 2).toISOString(), to: new Date(T0 + 3).toISOString() } });
    await runtime.untilStatus('n', /done: 1 of 1/);
    assert.equal(await count('sensor_readings'), 1);
    const asked = await count('replays');
    runtime.inject('n', { payload: { from: 'yesterday' } });
    runtime.inject('n', { payload: { topic: '#/a' } });
    assert.deepEqual(await press('nobody'), [400, { error: 'replay: deploy the node first' }]);
    assert.equal(await count('replays'), asked);
  });

  it('goes on after a deploy in the middle, with every row once', async () => {
    const all = Array.from({ length: 600 }, (_, n) => advert(n));
    await keep(...all);
    await runtime.deploy(flow({ perSecond: 1000 }));
    runtime.inject('n', { payload: {} });
    await runtime.until('k', 1);
    await runtime.deploy(flow({ perSecond: 5000 }));
    await runtime.untilStatus('n', /done: 600 of 600/);
    assert.equal(await count('sensor_readings'), 600);
    assert.deepEqual(await store.query('SELECT state, settled, failed FROM replays'), [
      { state: 'done', settled: 600, failed: 0 },
    ]);
  });

  it('is stopped by a message, and goes on where it was by another', async () => {
    await keep(...Array.from({ length: 200 }, (_, n) => advert(n)));
    await runtime.deploy(flow({ perSecond: 20 }));
    runtime.inject('n', { payload: {} });
    await runtime.untilStatus('n', /^replay \d+: /);
    runtime.inject('n', { payload: { stop: true } });
    await runtime.untilStatus('n', /stopped: \d+ of 200/);
    const [stopped] = await store.query<{ id: number; state: string; settled: number }>('SELECT * FROM replays');
    assert.equal(stopped?.state, 'stopped');
    await runtime.deploy(flow({ perSecond: 5000 }));
    runtime.inject('n', { payload: { resume: stopped?.id } });
    await runtime.untilStatus('n', /done: 200 of 200/);
    assert.deepEqual(await store.query('SELECT id, state FROM replays'), [{ id: stopped?.id, state: 'done' }]);
    assert.equal(await count('sensor_readings'), 200);
    for (const resume of [stopped?.id, 4711, 'all', 1.5]) runtime.inject('n', { payload: { resume } });
    assert.deepEqual(await press('nobody'), [400, { error: 'replay: deploy the node first' }]);
    assert.deepEqual(await store.query('SELECT id, state FROM replays'), [{ id: stopped?.id, state: 'done' }]);
  });

  it('answers a second press with the one that runs, and begins anew once that is over', async () => {
    await keep(...Array.from({ length: 200 }, (_, n) => advert(n)));
    await runtime.deploy(flow({ perSecond: 20 }));
    const says = async () => (await press('n'))[1].says;
    const both = await Promise.all([says(), says()]);
    const [begun] = await store.query<{ id: number }>('SELECT id FROM replays');
    assert.deepEqual(
      both.toSorted().map(text => text?.replace(/: \d+ of 200 \(\d+ %\)|: 0/, '')),
      [`replay ${begun?.id} begins`, `replay ${begun?.id} runs already; stop it to begin anew`],
    );
    await runtime.untilStatus('n', /^replay \d+: [1-9]\d* of 200/);
    runtime.inject('n', { payload: {} });
    runtime.inject('n', { payload: { device: 'nobody' } });
    await until(async () => (await count('replays')) === 2);
    runtime.inject('n', { payload: { stop: true } });
    await runtime.untilStatus('n', /stopped/);
    assert.match((await says()) ?? '', /^replay \d+ begins$/);
    assert.equal(await count('replays'), 3);
    runtime.inject('n', { payload: { stop: true } });
    await runtime.untilStatus('n', /stopped/);
  });

  it('keeps what an output that leads nowhere would lose', async () => {
    await keep(frame);
    await runtime.deploy(flow().map(node => (node.id === 'n' ? { ...node, wires: [['a'], [], ['m'], []] } : node)));
    runtime.inject('n', { payload: {} });
    await runtime.untilStatus('n', /output 2 \(frames\) is wired to nothing/);
    await runtime.deploy(flow());
    await runtime.untilStatus('n', /done: 1 of 1/);
    assert.equal(await count('measurements'), 1);
  });

  it('gives up what the flow refuses, into the dead letters, and counts it', async () => {
    await keep(advert(1), advert(2));
    await runtime.deploy([
      { id: 'db', type: 'fieldline-timescale-db', url: server.url },
      { id: 'n', type: 'fieldline-replay', store: 'db', wires: [['refusing'], ['refusing'], ['refusing'], []] },
      { id: 'refusing', type: 'test-sink' },
    ]);
    runtime.onSink('refusing', ({ payload }, _send, done) => {
      const bad = (payload as Raw[]).some(({ receivedAt }) => receivedAt === T0 + 2);
      done(bad ? new Error('not this one') : undefined);
    });
    runtime.inject('n', { payload: {} });
    await runtime.untilStatus('n', /done: 2 of 2 \(100 %\), 1 given up/);
    assert.deepEqual(await store.query('SELECT source, kind, reason, received_at FROM dead_letters'), [
      { source: 'n', kind: 'raw', reason: 'not this one', received_at: new Date(T0 + 2) },
    ]);
  });
});
