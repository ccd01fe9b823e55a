// raw-archive in real Node-RED on a real PostgreSQL: what is kept, what passes, and an outage.
import assert from 'node:assert/strict';
import path from 'node:path';
import { openDeadLetters } from '../../src/delivery/letters/file.ts';
import type { Raw } from '../../src/reading/raw.ts';
import { onDatabase } from '../../test/support/database.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import timescaleDbNode from '../timescale-db/timescale-db.ts';
import rawArchiveNode from './raw-archive.ts';

const raw = (n: number): Raw => ({
  topic: 'homelab/energy/meter',
  source: 'mqtt',
  protocol: 'mqtt',
  receivedAt: Date.UTC(2026, 0, 3, 16) + n,
  bytes: Buffer.from(JSON.stringify({ power_kw: n })),
});

describe('raw-archive node', () => {
  let runtime: TestRuntime;
  // Ends before the database does: hooks run in the order in which they were added.
  after(() => runtime?.deploy([]));
  const db = onDatabase({ migrated: false });
  before(async () => {
    runtime = await testRuntime();
    runtime.register(timescaleDbNode, rawArchiveNode);
    await deploy('memory');
  });
  const deploy = (policy: string) =>
    runtime.deploy([
      { id: 'db', type: 'fieldline-timescale-db', url: db.server.url },
      { id: 'src', type: 'test-source', wires: [['arch']] },
      { id: 'arch', type: 'fieldline-raw-archive', store: 'db', policy, wires: [['archived']] },
      { id: 'archived', type: 'test-sink' },
    ]);
  const kept = async () =>
    (
      await db.store.query<{ payload: unknown; bytes: Buffer }>(
        'SELECT payload, bytes FROM raw_advertisements ORDER BY id',
      )
    ).map(({ payload, bytes }) => payload ?? bytes.toString('hex'));

  it('keeps raw messages and frames of readings, and passes everything on', async () => {
    const modbus = {
      deviceId: 'flow',
      protocol: 'modbus',
      timestamp: '2026-01-03T16:00:00.000Z',
      telemetry: { flow_rate: 1 },
      metadata: { raw: { topic: 'modbus/b/1', hex: '0103' }, scannerId: 'b' },
    };
    const bare = { ...modbus, metadata: {} };
    const payloads = [raw(1), [raw(2), modbus, raw(2)], bare, [], undefined];
    for (const payload of payloads) assert.deepEqual(await runtime.emit('src', { payload }), { ok: true });
    assert.deepEqual(await kept(), [{ power_kw: 1 }, { power_kw: 2 }, '0103']);
    assert.deepEqual(
      runtime.received('archived').map(({ payload }) => payload),
      payloads,
    );
  });

  it('keeps what stock nodes give under its topic, and passes it as it came with the time of its receipt', async () => {
    await db.store.query('TRUNCATE raw_advertisements');
    const ring: Record<string, unknown> = {};
    ring['ring'] = ring;
    const given: readonly [topic: string | undefined, payload: unknown, bytes: string | undefined][] = [
      ['a', Buffer.from([1, 2]), '\x01\x02'],
      ['b', '{"x":1}', '{"x":1}'],
      ['c', { x: 1, bytes: 'no' }, '{"x":1,"bytes":"no"}'],
      ['d', 21.5, '21.5'],
      ['e', [{ x: 1 }, 2], '[{"x":1},2]'],
      ['ble/pi/m/c', 'c055', '\xc0\x55'],
      [undefined, 'no topic', 'no topic'],
      ['g', null, undefined],
      ['h', ring, undefined],
    ];
    for (const [topic, payload, bytes] of given) {
      const before = runtime.received('archived').length;
      assert.deepEqual(await runtime.emit('src', { payload, ...(topic === undefined ? {} : { topic }) }), { ok: true });
      const passed = (await runtime.until('archived', before + 1)).at(-1)!;
      if (payload !== ring) assert.deepEqual(passed.payload, payload);
      const rows = await db.store.query<{ topic: string; bytes: Buffer; received_at: Date }>(
        'DELETE FROM raw_advertisements RETURNING topic, bytes, received_at',
      );
      assert.deepEqual(
        rows.map(row => [row.topic, row.bytes.toString('latin1'), row.received_at.getTime()]),
        bytes === undefined ? [] : [[topic ?? '', bytes, passed['receivedAt']]],
      );
    }
    const buffers = [Buffer.from('1'), Buffer.from('2')];
    await runtime.emit('src', { topic: 'i', payload: buffers });
    assert.deepEqual(await kept(), [1, 2]);
    await db.store.query('TRUNCATE raw_advertisements');
  });

  it('passes on what it cannot keep, with a dead letter, and says so', async () => {
    const before = runtime.received('archived').length;
    assert.deepEqual(await runtime.emit('src', { payload: { ...raw(3), topic: 'nul\0' } }), { ok: true });
    assert.equal(runtime.received('archived').length, before + 1);
    assert.match((await runtime.untilStatus('arch', /rejected/)).text ?? '', /1 rejected: .*22021/);
    const letters = await openDeadLetters(path.join(runtime.settings.directory!, 'dead-letters', 'arch'));
    const [letter] = (await letters.list()).letters;
    await letters.close();
    assert.deepEqual(Buffer.from(letter?.bytes ?? '', 'base64'), raw(3).bytes);
    assert.match(letter?.reason ?? '', /22021/);
  });

  it('passes nothing on before it is kept', async () => {
    const before = runtime.received('archived').length;
    await db.server.terminate('SIGQUIT');
    const settled = runtime.emit('src', { payload: raw(4) });
    await runtime.untilStatus('arch', /^database away, .*1 waiting/);
    assert.equal(runtime.received('archived').length, before);
    await db.server.restart();
    assert.deepEqual(await settled, { ok: true });
    assert.equal(runtime.received('archived').length, before + 1);
    assert.deepEqual((await kept()).at(-1), { power_kw: 4 });
  });

  it('passes on what is kept on disk, and archives it later', async () => {
    await deploy('disk');
    await db.server.terminate('SIGQUIT');
    assert.deepEqual(await runtime.emit('src', { payload: [raw(5), raw(6)] }), { ok: true });
    assert.equal(runtime.received('archived').length, 1);
    await runtime.untilStatus('arch', /^database away, .*2 on disk/);
    await db.server.restart();
    await runtime.untilStatus('arch', /rows\/s$/);
    assert.deepEqual((await kept()).slice(-2), [{ power_kw: 5 }, { power_kw: 6 }]);
  });
});
