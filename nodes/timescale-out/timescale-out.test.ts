// timescale-out in real Node-RED on a real PostgreSQL: commit before done, outage, refused rows, deploy.
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { Reading } from '../../src/reading/reading.ts';
import { meterReading, onPlant } from '../../test/support/timescale-out.ts';

describe('timescale-out node', () => {
  const plant = onPlant();
  const flow = (settings: object = {}) => [
    { id: 'db', type: 'fieldline-timescale-db', url: plant.server.url },
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
    (await plant.store.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n ?? 0;

  it('migrates an empty database, stores, and settles after the commit', async () => {
    await plant.runtime.deploy(flow());
    assert.deepEqual(await plant.runtime.emit('src', { topic: 't', payload: meterReading(1) }), { ok: true });
    assert.equal(await counted('energy_readings'), 1);
    assert.deepEqual(
      plant.runtime.received('stored').map(({ topic, payload }) => [topic, (payload as Reading).telemetry]),
      [['t', { power_kw: 1 }]],
    );
    assert.match((await plant.runtime.untilStatus('out', /rows\/s/)).text ?? '', /rows\/s/);
  });

  it('passes on what is new in a batch, keeps what is refused, and is silent on what it has', async () => {
    await plant.runtime.deploy(flow());
    const known = meterReading(5);
    await plant.runtime.emit('src', { payload: known });
    const good = meterReading(2);
    const endless = { ...meterReading(4), metadata: { extra: { big: 1n } } };
    const bad = { ...meterReading(3), deviceId: 'nul\0' };
    const message = { topic: 'u', payload: [known, good, bad, 'no reading', null, endless] };
    assert.deepEqual(await plant.runtime.emit('src', message), { ok: true });
    assert.deepEqual(
      plant.runtime.received('stored').map(({ payload }) => payload),
      [known, [good]],
    );
    const [refused] = plant.runtime.received('rejected');
    const [first, second, third] = refused!.payload as [Reading, string, null];
    assert.equal(first.deviceId, bad.deviceId);
    assert.match(String(first.metadata['rejected']), /22021/);
    assert.deepEqual([second, third], ['no reading', null]);
    const letters = await plant.store.query<{ topic: string; reason: string; bytes: Buffer; source: string }>(
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
    assert.match((await plant.runtime.untilStatus('out', /4 rejected/)).text ?? '', /4 rejected: .+/);

    assert.deepEqual(await plant.runtime.emit('src', { payload: [known, good] }), { ok: true });
    assert.deepEqual(await plant.runtime.emit('src', { payload: bad }), { ok: true });
    assert.equal(plant.runtime.received('stored').length, 2);
    assert.deepEqual(await plant.store.query("SELECT attempts FROM dead_letters WHERE device_id LIKE 'nul%'"), [
      { attempts: 2 },
    ]);
  });

  it('holds messages over an outage longer than the delivery time limit, and stores each once', async () => {
    await plant.runtime.deploy(flow());
    await plant.server.terminate('SIGQUIT');
    const settled = [10, 11, 12].map(n => plant.runtime.emit('src', { payload: meterReading(n) }));
    await plant.runtime.untilStatus('out', /^database away, retry in \d+ s, 3 waiting; .*ECONNREFUSED/);
    const limitMs = plant.runtime.settings.deliveryTimeoutSeconds! * 1000;
    await new Promise(resolve => setTimeout(resolve, limitMs + 500));
    await plant.server.restart();
    for (const outcome of await Promise.all(settled)) assert.deepEqual(outcome, { ok: true });
    assert.deepEqual(await plant.store.query('SELECT power_kw FROM energy_readings WHERE power_kw >= 10 ORDER BY 1'), [
      { power_kw: 10 },
      { power_kw: 11 },
      { power_kw: 12 },
    ]);
    const back = await plant.runtime.untilStatus('out', /rows\/s$/);
    assert.equal(back.fill, 'green');
  });

  it('stores what it holds when it is deployed away', async () => {
    await plant.runtime.deploy(flow());
    const settled = Array.from({ length: 50 }, (_, n) => plant.runtime.emit('src', { payload: meterReading(100 + n) }));
    await plant.runtime.deploy(flow(), 'full');
    for (const outcome of await Promise.all(settled)) assert.equal(outcome.ok || outcome.kind !== 'data', true);
    const again = Array.from({ length: 50 }, (_, n) => plant.runtime.emit('src', { payload: meterReading(100 + n) }));
    await Promise.all(again);
    assert.deepEqual(await plant.store.query('SELECT count(*) AS n FROM energy_readings WHERE power_kw >= 100'), [
      { n: 50 },
    ]);
  });

  it('takes what a timer sends through an outage, each tick once', async () => {
    const [db, , out, ...sinks] = flow({ policy: 'disk' });
    const reading = `const n = context.get('n') ?? 300; context.set('n', n + 1);
      return { payload: { deviceId: 'timer', protocol: 'http', timestamp: new Date().toISOString(), telemetry: { power_kw: n }, metadata: {} } };`;
    await plant.runtime.deploy([
      ...[db!, out!, ...sinks],
      { id: 'clock', type: 'inject', props: [{ p: 'payload' }], repeat: '0.05', once: true, wires: [['tick']] },
      { id: 'tick', type: 'function', func: reading, outputs: 1, wires: [['out']] },
    ]);
    const stored = () =>
      plant.store.query<{ n: number }>(
        "SELECT power_kw AS n FROM energy_readings WHERE device_id = 'timer' ORDER BY 1",
      );
    await plant.runtime.untilStatus('out', /rows\/s/);
    await plant.server.terminate('SIGQUIT');
    await plant.runtime.untilStatus('out', /^database away, .* [1-9]\d on disk/);
    await plant.server.restart();
    await plant.runtime.untilStatus('out', /rows\/s$/);
    await plant.runtime.deploy(flow({ policy: 'disk' }), 'full');
    const ticks = await stored();
    await plant.store.query("DELETE FROM energy_readings WHERE device_id = 'timer'");
    assert.ok(ticks.length > 10);
    assert.deepEqual(
      ticks.map(({ n }) => n),
      ticks.map((_, at) => 300 + at),
    );
  });

  it('keeps readings on disk through an outage, done at once, and passes them on when they are stored', async () => {
    await plant.runtime.deploy(flow({ policy: 'disk' }));
    assert.deepEqual(await plant.runtime.emit('src', { payload: meterReading(200) }), { ok: true });
    await plant.server.terminate('SIGQUIT');
    const bad = { ...meterReading(203), deviceId: 'nul\0' };
    assert.deepEqual(await plant.runtime.emit('src', { topic: 'one', payload: meterReading(201) }), { ok: true });
    assert.deepEqual(await plant.runtime.emit('src', { payload: [meterReading(202), bad, meterReading(201)] }), {
      ok: true,
    });
    await plant.runtime.untilStatus('out', /^database away, .*4 on disk \(0\.0 MB, oldest \d+ s\); .*ECONNREFUSED/);
    assert.equal(plant.runtime.received('stored').length, 1);
    // Another node of the same id, as after a restart.
    await plant.runtime.deploy(flow({ policy: 'disk' }));
    await plant.runtime.untilStatus('out', /4 on disk/);
    await plant.server.restart();
    const [single, batch] = await plant.runtime.until('stored', 2);
    // What they are marked with on the way is none of their content.
    const content = structuredClone([single?.topic, single?.payload, batch?.payload]);
    assert.deepEqual(content, ['one', meterReading(201), [meterReading(202)]]);
    const [refused] = await plant.runtime.until('rejected', 1);
    assert.match(String((refused!.payload as Reading[])[0]?.metadata['rejected']), /22021/);
    assert.deepEqual(await plant.store.query('SELECT power_kw FROM energy_readings WHERE power_kw >= 200 ORDER BY 1'), [
      { power_kw: 200 },
      { power_kw: 201 },
      { power_kw: 202 },
    ]);
    assert.deepEqual(await plant.runtime.emit('src', { payload: meterReading(204) }), { ok: true });
    assert.equal((await plant.runtime.until('stored', 3)).length, 3);
  });

  it('drops readings of an outage where that is the policy, and counts them', async () => {
    await plant.runtime.deploy(flow({ policy: 'drop' }));
    await plant.runtime.emit('src', { payload: meterReading(300) });
    await plant.server.terminate('SIGQUIT');
    assert.deepEqual(await plant.runtime.emit('src', { payload: [meterReading(301), meterReading(302)] }), {
      ok: true,
    });
    await plant.runtime.untilStatus('out', /^database away, .*2 dropped/);
    await plant.server.restart();
    assert.equal(plant.runtime.received('stored').length, 1);
  });

  it('says what is wrong without a database, and gives no message up', async () => {
    await plant.runtime.deploy(flow({ store: '' }));
    assert.match((await plant.runtime.untilStatus('out', /timescale-db/)).text ?? '', /expected a timescale-db node/);
    const settled = await plant.runtime.emit('src', { payload: meterReading(1) });
    assert.equal(settled.ok, false);
    assert.equal(!settled.ok && settled.kind, 'outage');
  });
});
