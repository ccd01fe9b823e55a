// fieldline replay on a real PostgreSQL: the same rows as live, own decoders, keys, dead letters, wrong use.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { archive } from '../src/archive/archive.ts';
import { archiveRowOf } from '../src/archive/row.ts';
import { registryOf, shippedDecoders } from '../src/decoders/registry.ts';
import { digest } from '../src/kernel/bytes.ts';
import { Fault } from '../src/kernel/fault.ts';
import type { Reading } from '../src/reading/reading.ts';
import { command, message, onArchive, T0, temperature } from '../test/support/cli-replay.ts';
import { replayFlow } from './replay-flow.ts';

describe('fieldline replay', () => {
  const on = onArchive();
  const { db, keep, count, replay } = on;

  it('decodes, scores and stores what is archived; the second time all of it is known', async () => {
    await keep([
      temperature(1),
      message('homelab/energy/meter', { power_kw: 3.2, timestamp: '2026-01-03T16:00:00Z' }, 2),
      message('bt-mqtt/raw/pi', { address: 'a4c1388d18b2', service_data: { fcd2: '4002ca09' } }, 3),
      message('bt-mqtt/raw/pi', { address: 'a4c1388d18b2', manufacturer_data: { ffff: '15' } }, 4),
      message('homelab/energy/broken', 'no energy', 5),
    ]);
    const first = await replay([]);
    assert.equal(first.code, 0, first.errors);
    const { id, cursor, ...told } = first.out[0]!;
    assert.equal(typeof id, 'number');
    assert.ok(cursor);
    assert.deepEqual(told, {
      ...{ state: 'done', settled: 5, failed: 0, total: 5 },
      ...{ stored: 3, duplicates: 0, withoutValues: 0, rejected: 0, undecoded: 2, recorded: 0 },
    });
    assert.match(first.errors, /replay \d+: 5 of 5 \(100 %\)/);
    assert.match(first.errors, /replay \d+: 3 readings new, 0 there before, 2 messages undecoded$/m);
    assert.deepEqual(
      await db.store.query('SELECT device_id, metric, value, anomaly_score FROM sensor_readings ORDER BY device_id'),
      [
        { device_id: 'A4:C1:38:8D:18:B2', metric: 'temperature', value: 25.06, anomaly_score: 1 },
        { device_id: 'shed', metric: 'temperature', value: 1, anomaly_score: 1 },
      ],
    );
    const { stored, duplicates } = (await replay([])).out[0]!;
    assert.deepEqual({ stored, duplicates }, { stored: 0, duplicates: 3 });
    assert.equal(await count('sensor_readings'), 2);
  });

  it('counts as new only what has become rows: not what tells of a device alone', async () => {
    await keep([
      temperature(1),
      message('bt-mqtt/raw/pi', { address: 'a4c1388d18b2', service_data: { fcd2: '400001' } }, 2),
    ]);
    for (const [stored, duplicates] of [
      [1, 0],
      [0, 1],
    ]) {
      const { errors, out } = await replay([]);
      const { settled, ...told } = out[0]!;
      assert.deepEqual(
        [settled, told['stored'], told['duplicates'], told['withoutValues']],
        [2, stored, duplicates, 1],
      );
      assert.match(errors, new RegExp(`${stored} readings? new, ${duplicates} there before, 1 without values`));
    }
    assert.equal(await count('devices'), 2);
  });

  it('refuses a recorded frame of an encrypted device, as the live flow did, each time', async () => {
    const heard = (frame: string, at: number) =>
      message(
        'bt-mqtt/raw/pi',
        { address: 'A4:C1:38:05:8E:E9', bindkey: '7475a4a77584401780ffc3ee62dd353c', service_data: { fe95: frame } },
        at,
      );
    const [newer, older] = [
      '5859eb2ac1e98e0538c1a40759530f8d380000b77a70f8',
      '5859eb2a9ee98e0538c1a4d07ad3e338000033635d10',
    ];
    await keep([heard(newer!, 1), heard(older!, 2), heard(newer!, 3)]);
    for (const [stored, duplicates] of [
      [2, 0],
      [0, 2],
    ]) {
      const { errors, out } = await replay([]);
      const told = out[0]!;
      assert.deepEqual([told['stored'], told['duplicates'], told['recorded']], [stored, duplicates, 1], errors);
      assert.match(errors, /1 frame recorded and sent again/);
    }
  });

  it('takes an advert on the topic above those of the scanners for what it is, as its filter does', async () => {
    await keep([message('bt-mqtt/raw', { address: 'a4c1388d18b2', service_data: { fcd2: '4002ca09' } }, 1)]);
    await replay([]);
    assert.deepEqual(await db.store.query('SELECT device_id, metric FROM sensor_readings'), [
      { device_id: 'A4:C1:38:8D:18:B2', metric: 'temperature' },
    ]);
  });

  it('decodes adverts of scanners with another topic prefix', async () => {
    const advert = { scanner_id: 'attic', address: 'a4c1388d18b2', rssi: -60, service_data: { fcd2: '4002ca09' } };
    await keep([
      message('site7/raw/attic', advert, 1),
      message('site7/raw/attic', { scanner_id: 'attic', power_kw: 3 }, 2),
    ]);
    await replay([]);
    assert.deepEqual(await db.store.query('SELECT device_id, metric, scanner_id FROM sensor_readings'), [
      { device_id: 'A4:C1:38:8D:18:B2', metric: 'temperature', scanner_id: 'attic' },
    ]);
  });

  it('takes a heartbeat below another prefix for one: its scanner is listed, and no device "status"', async () => {
    const beat = { scanner_id: 'attic', timestamp: new Date(T0).toISOString(), uptime_s: 60, adapter_status: 'on' };
    await keep([message('site7/scanner/attic/status', beat, 1)]);
    await replay([]);
    assert.deepEqual(await db.store.query('SELECT scanner_id, uptime_s FROM scanners'), [
      { scanner_id: 'attic', uptime_s: 60 },
    ]);
    assert.deepEqual(await db.store.query('SELECT DISTINCT device_id FROM sensor_readings'), [{ device_id: 'attic' }]);
  });

  it('gives what came with a key back to the organisation of the key', async () => {
    const text = '{"device_id":"meter","flow_rate":3}';
    const reading: Reading = {
      ...{ deviceId: 'meter', protocol: 'http', timestamp: new Date(T0).toISOString(), telemetry: { flow_rate: 3 } },
      metadata: {
        ...{ receivedAt: T0, scannerId: 'gateway', orgId: 'acme', digest: digest(text) },
        raw: { topic: 'http/ingest', hex: Buffer.from(text).toString('hex') },
      },
    };
    await archive({ query: db.store.prepared, bulk: db.store.bulk, target: 't' }).write([archiveRowOf(reading, T0)!]);
    await replay([]);
    assert.deepEqual(
      await db.store.query('SELECT org_id, digest = $1 AS same, created_at FROM flow_data', [digest(text)]),
      [{ org_id: 'acme', same: true, created_at: new Date(T0) }],
    );
  });

  it('makes new rows with a decoder of the user, of the unknown device only', async () => {
    await keep(
      [1, 2].map(n => message('bt-mqtt/raw/pi', { address: 'aabbccddeeff', manufacturer_data: { ffff: `0${n}` } }, n)),
    );
    assert.equal(await count('unknown_devices'), 1);
    mkdirSync(join(on.directory, 'fieldline', 'decoders'), { recursive: true });
    writeFileSync(
      join(on.directory, 'fieldline', 'decoders', 'shed.mjs'),
      `export default { name: 'shed', vendor: 'Own', models: ['Shed'], source: 'https://example.org',
        matches: advert => advert.manufacturerData.get('ffff')?.length === 1,
        decode: advert => ({ telemetry: { temperature: advert.manufacturerData.get('ffff')[0] } }),
        examples: [{ name: 'warm', advert: { manufacturer_data: { ffff: '15' } }, gives: { temperature: 21 } }] };`,
    );
    const { out } = await replay(['--device', 'AA:BB:CC:DD:EE:FF']);
    assert.equal(out[0]!['stored'], 2);
    assert.equal(await count('unknown_devices'), 0);
  });

  it('names a decoder that hangs on a message, and goes on without it', async () => {
    const own = (n: number) =>
      message('bt-mqtt/raw/pi', { address: 'aabbccddeeff', manufacturer_data: { ffff: `0${n}` } }, n);
    await keep([own(1), own(2), temperature(3)]);
    mkdirSync(join(on.directory, 'fieldline', 'decoders'), { recursive: true });
    writeFileSync(
      join(on.directory, 'fieldline', 'decoders', 'shed.mjs'),
      `export default { name: 'shed', vendor: 'Own', models: ['Shed'], source: 'https://example.org',
        matches: advert => advert.manufacturerData.get('ffff')?.length === 1,
        decode: advert => { while (advert.manufacturerData.get('ffff')[0] === 2); return { telemetry: { temperature: 21 } }; },
        examples: [{ name: 'warm', advert: { manufacturer_data: { ffff: '15' } }, gives: { temperature: 21 } }] };`,
    );
    const { code, out, errors } = await replay([]);
    rmSync(join(on.directory, 'fieldline', 'decoders'), { recursive: true });
    assert.equal(code, 0);
    assert.match(errors, /decoder left out: shed\.mjs: does not end/);
    assert.equal(out[0]!['settled'], 3);
    assert.equal(await count("sensor_readings WHERE device_id = 'shed'"), 1);
  });

  it('reads encrypted adverts with the keys that it is given', async () => {
    const advert = { address: '54:48:E6:8F:80:A5', service_data: { fcd2: '4187b90011223372b0231f' } };
    await keep([message('bt-mqtt/raw/pi', advert, 1)]);
    const file = join(on.directory, 'keys.txt');
    writeFileSync(file, '54:48:E6:8F:80:A5=231d39c1d7cc1ab1aee224cd096db932\n');
    for (const [argv, rows] of [[[], 0] as const, [['--keys', file], 1] as const]) {
      assert.equal((await replay(argv)).code, 0);
      assert.equal(await count("sensor_readings WHERE metric = 'motion'"), rows);
    }
  });

  it('takes up a decoder that comes while it runs', async () => {
    let known: Parameters<typeof registryOf>[0] = [];
    const flow = replayFlow(db.store, () => registryOf(known));
    const advert = (at: number) =>
      message('bt-mqtt/raw/pi', { address: 'a4c1388d18b2', service_data: { fcd2: '4002ca09' } }, at);
    await flow.emit([advert(1)]);
    known = (await shippedDecoders()).map(({ decoder }) => decoder);
    await flow.emit([advert(2)]);
    await flow.close();
    const { undecoded, stored } = flow.counts;
    assert.deepEqual({ undecoded, stored }, { undecoded: 1, stored: 1 });
  });

  it('counts a batch once that comes again, because the database was away', async () => {
    let away = 2;
    const bulk: typeof db.store.bulk = (...given) =>
      away-- > 0
        ? Promise.reject(new Fault('FIELDLINE_DATABASE', 'away', { kind: 'outage' }))
        : db.store.bulk(...given);
    const { query, prepared } = db.store;
    const flow = replayFlow({ query, prepared, bulk }, () => registryOf([]));
    const batch = [temperature(1), message('bt-mqtt/raw/pi', { address: 'x' }, 2)];
    for (const ok of [false, false, true]) assert.equal((await flow.emit(batch)).ok, ok);
    await flow.close();
    const { stored, undecoded } = flow.counts;
    assert.deepEqual({ stored, undecoded }, { stored: 1, undecoded: 1 });
  });

  const wrong: readonly [argv: readonly string[], env: NodeJS.ProcessEnv | undefined, says: RegExp][] = [
    [['now'], undefined, /now[\s\S]*Usage/],
    [['--from', 'yesterday'], undefined, /from: expected a time/],
    [['--rate', '0'], undefined, /--rate: expected a number above 0/],
    [['--resume', '1.5'], undefined, /--resume: expected the number of a replay, got "1.5"/],
    [['--topic', 'a/#/b'], undefined, /topic filter/],
    [['--keys', command], undefined, /--keys: entry 1 is not/],
    [['--keys', `${command}/none`], undefined, /--keys: expected a file that can be read, got .*(ENOENT|ENOTDIR)/],
    [['--decoders', `${command}.none`], undefined, /--decoders: expected a folder that exists, got ".*none"/],
    [['--decoders', command], undefined, /--decoders: expected a folder that exists/],
    [['--queue', '--resume', '3'], undefined, /--queue: expected it without --resume, got "3"/],
    [['--queue', '--rate', '5'], undefined, /--queue: expected it without --rate/],
    [['--resume', '3', '--from', '1h'], undefined, /--resume: expected it without --from, got "1h"/],
    [[], {}, /expected DATABASE_URL, --database-url, or a gateway that has run/],
  ];
  for (const [argv, env, says] of wrong)
    it(`is used wrongly: ${argv.join(' ') || 'without a database'}`, async () => {
      const { code, out, errors } = await replay(argv, env);
      assert.deepEqual([code, out], [2, []]);
      assert.match(errors, says);
    });

  it('makes no second dead letter of a reading of which one waits', async () => {
    await db.store.query('ALTER TABLE energy_readings ADD CONSTRAINT mains CHECK (voltage < 1000)');
    try {
      await keep([1, 2].map(n => message('homelab/energy/meter', { power_kw: n, voltage: 23_000 }, n)));
      await replay([]);
      await db.store.query("UPDATE dead_letters SET source = 'live'");
      await keep([message('homelab/energy/meter', { power_kw: 3, voltage: 23_000 }, 3)]);
      await replay([]);
      assert.deepEqual(await db.store.query('SELECT source, attempts FROM dead_letters ORDER BY id'), [
        { source: 'live', attempts: 2 },
        { source: 'live', attempts: 2 },
        { source: 'fieldline replay', attempts: 1 },
      ]);
    } finally {
      await db.store.query('ALTER TABLE energy_readings DROP CONSTRAINT mains');
    }
  });

  it('queues a replay for the gateway', async () => {
    assert.equal((await replay(['--queue', '--scanner', 'pi'])).code, 0);
    const [row] = await db.store.query<{ state: string; owner: null; selection: { scanner: string } }>(
      'SELECT * FROM replays',
    );
    assert.deepEqual([row?.state, row?.owner, row?.selection.scanner], ['running', null, 'pi']);
    const again = await replay(['--queue', '--scanner', 'pi']);
    assert.match(again.errors, /^replay \d+ waits or runs already: 0/m);
    assert.equal(await count('replays'), 1);
  });
});
