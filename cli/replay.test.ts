// fieldline replay on a real PostgreSQL: the same rows as live, killed in the middle, own decoders, wrong use.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { archive } from '../src/archive/archive.ts';
import { askForReplay, claimReplay, endReplay, keepProgress, stopReplays } from '../src/archive/replays.ts';
import { archiveRow, archiveRowOf } from '../src/archive/row.ts';
import { registryOf, shippedDecoders } from '../src/decoders/registry.ts';
import { digest } from '../src/kernel/bytes.ts';
import type { Raw } from '../src/reading/raw.ts';
import type { Reading } from '../src/reading/reading.ts';
import { onDatabase } from '../test/support/database.ts';
import { ask } from './command.fixture.ts';
import { run } from './replay.ts';
import { replayFlow } from './replay-flow.ts';

const command = fileURLToPath(new URL('./fieldline.ts', import.meta.url));
const T0 = Date.UTC(2026, 0, 3, 16);
const message = (topic: string, content: unknown, at: number): Raw => ({
  topic,
  source: 'pi',
  protocol: 'mqtt',
  receivedAt: T0 + at,
  bytes: Buffer.from(JSON.stringify(content)),
});
const temperature = (n: number) => message('homelab/temperature/shed', { temperature: n % 40 }, n);

describe('fieldline replay', () => {
  const db = onDatabase();
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'fieldline-replay-'));
  });
  after(() => {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  });
  afterEach(() =>
    db.store?.query(
      'TRUNCATE raw_advertisements, replays, sensor_readings, energy_readings, flow_data, devices, latest_values, dead_letters',
    ),
  );
  const keep = async (raws: readonly Raw[]) =>
    archive({ query: db.store.prepared, bulk: db.store.bulk, target: 't' }).write(
      raws.map(raw => archiveRow(raw, raw.receivedAt)),
    );
  const count = async (table: string) =>
    (await db.store.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]!.n;

  async function replay(argv: readonly string[], env: NodeJS.ProcessEnv = { DATABASE_URL: db.server.url }) {
    const { code, lines, errors } = await ask(run, argv, { FIELDLINE_DIR: directory, ...env });
    return { code, out: lines.map(line => JSON.parse(line) as Record<string, unknown>), errors };
  }

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
      ...{ stored: 3, duplicates: 0, rejected: 0, undecoded: 2 },
    });
    assert.match(first.errors, /replay \d+: 5 of 5 \(100 %\)/);
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
    mkdirSync(join(directory, 'fieldline', 'decoders'), { recursive: true });
    writeFileSync(
      join(directory, 'fieldline', 'decoders', 'shed.mjs'),
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
    mkdirSync(join(directory, 'fieldline', 'decoders'), { recursive: true });
    writeFileSync(
      join(directory, 'fieldline', 'decoders', 'shed.mjs'),
      `export default { name: 'shed', vendor: 'Own', models: ['Shed'], source: 'https://example.org',
        matches: advert => advert.manufacturerData.get('ffff')?.length === 1,
        decode: advert => { while (advert.manufacturerData.get('ffff')[0] === 2); return { telemetry: { temperature: 21 } }; },
        examples: [{ name: 'warm', advert: { manufacturer_data: { ffff: '15' } }, gives: { temperature: 21 } }] };`,
    );
    const { code, out, errors } = await replay([]);
    rmSync(join(directory, 'fieldline', 'decoders'), { recursive: true });
    assert.equal(code, 0);
    assert.match(errors, /decoder left out: shed\.mjs: does not end/);
    assert.equal(out[0]!['settled'], 3);
    assert.equal(await count("sensor_readings WHERE device_id = 'shed'"), 1);
  });

  it('reads encrypted adverts with the keys that it is given', async () => {
    const advert = { address: '54:48:E6:8F:80:A5', service_data: { fcd2: '4187b90011223372b0231f' } };
    await keep([message('bt-mqtt/raw/pi', advert, 1)]);
    const file = join(directory, 'keys.txt');
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

  const wrong: readonly [argv: readonly string[], env: NodeJS.ProcessEnv | undefined, says: RegExp][] = [
    [['now'], undefined, /now[\s\S]*Usage/],
    [['--from', 'yesterday'], undefined, /from: expected a time/],
    [['--rate', '0'], undefined, /--rate: expected a number above 0/],
    [['--resume', '1.5'], undefined, /--resume: expected the number of a replay, got "1.5"/],
    [['--topic', 'a/#/b'], undefined, /topic filter/],
    [['--keys', command], undefined, /--keys: entry 1 is not/],
    [['--keys', `${command}/none`], undefined, /--keys: .*(ENOENT|ENOTDIR)/],
    [[], {}, /expected DATABASE_URL, --database-url, or a gateway that has run/],
  ];
  for (const [argv, env, says] of wrong)
    it(`is used wrongly: ${argv.join(' ') || 'without a database'}`, async () => {
      const { code, out, errors } = await replay(argv, env);
      assert.deepEqual([code, out], [2, []]);
      assert.match(errors, says);
    });

  it('says that nothing is there to go on with', async () => {
    const { code, errors } = await replay(['--resume', '4711']);
    assert.equal(code, 2);
    assert.match(errors, /replay 4711: expected one that is unfinished/);
  });

  it('goes on with one that was stopped, from where it was', async () => {
    await keep([temperature(1), temperature(2), temperature(3)]);
    const { id } = await askForReplay(db.store.query, {}, 'editor', 'a node');
    const [second] = await db.store.query<{ id: number; time: string }>(
      'SELECT id, timestamp::text AS time FROM raw_advertisements ORDER BY timestamp OFFSET 1 LIMIT 1',
    );
    await claimReplay(db.store.query, 'node', { id });
    await keepProgress(db.store.query, id, 'node', { cursor: second, settled: 2, failed: 0 });
    await stopReplays(db.store.query, { id });
    const { code, out, errors } = await replay(['--resume', String(id)]);
    assert.equal(code, 0, errors);
    const { state, settled, stored } = out[0]!;
    assert.deepEqual({ state, settled, stored }, { state: 'done', settled: 3, stored: 1 });
  });

  it('says how it ended where somebody else, who asked for the same, was first', async () => {
    await keep([temperature(1)]);
    const { id } = await askForReplay(db.store.query, {}, 'somebody');
    await claimReplay(db.store.query, 'somebody', { id });
    const said: string[] = [];
    const code = await run(['--resume', String(id)], {
      stdin: Readable.from([]),
      stdout: line => said.push(line),
      stderr(line) {
        said.push(line);
        if (/waiting/.test(line)) void endReplay(db.store.query, id, 'somebody', 'done');
      },
      env: { FIELDLINE_DIR: directory, DATABASE_URL: db.server.url },
    });
    assert.equal(code, 0, said.join('\n'));
    assert.deepEqual(said.slice(1), [
      `replay ${id}: somebody else has ended it: 0`,
      JSON.stringify({ id, state: 'done', settled: 0, failed: 0, total: null }),
    ]);
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

  it('ends at a signal, says how it goes on, and goes on', async () => {
    await keep(Array.from({ length: 600 }, (_, n) => temperature(n)));
    const child = spawn(process.execPath, [command, 'replay', '--rate', '60'], {
      env: { ...process.env, DATABASE_URL: db.server.url, FIELDLINE_DIR: directory },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [out, errors] = [child.stdout.toArray(), child.stderr.toArray()];
    const ended = once(child, 'close');
    while ((await count('sensor_readings')) === 0) await wait(5);
    child.kill('SIGINT');
    assert.deepEqual(await ended, [1, null]);
    const told = JSON.parse(Buffer.concat(await out).toString()) as { id: number; state: string; settled: number };
    assert.equal(told.state, 'interrupted');
    assert.ok(told.settled > 0 && told.settled < 600, `${told.settled}`);
    const goesOn = `--resume ${told.id}`;
    assert.ok(
      Buffer.concat(await errors)
        .toString()
        .trimEnd()
        .endsWith(goesOn),
    );
    const rest = await replay(goesOn.split(' '));
    assert.deepEqual([rest.code, rest.out[0]!['settled']], [0, 600]);
    assert.equal(await count('sensor_readings'), 600);
  });

  it('says what it waits for after a signal, and ends at a second one', async () => {
    await keep(Array.from({ length: 10 }, (_, n) => temperature(n)));
    const other = await db.store.pool.connect();
    try {
      await other.query('BEGIN; LOCK sensor_readings IN ACCESS EXCLUSIVE MODE');
      const child = spawn(process.execPath, [command, 'replay'], {
        env: { ...process.env, DATABASE_URL: db.server.url, FIELDLINE_DIR: directory },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const ended = once(child, 'exit');
      const waits = `SELECT FROM pg_locks WHERE relation = 'sensor_readings'::regclass AND NOT granted`;
      while ((await db.store.query(waits)).length === 0) await wait(5);
      child.kill('SIGINT');
      for (let said = ''; !said.includes('a second signal ends it at once'); )
        said += String((await once(child.stderr, 'data'))[0]);
      child.kill('SIGINT');
      assert.deepEqual(await ended, [null, 'SIGINT']);
    } finally {
      await other.query('ROLLBACK');
      other.release();
    }
    assert.equal((await replay([])).code, 0);
    assert.equal(await count('sensor_readings'), 10);
  });

  it('goes on after kill -9 in the middle: every row once, and none is missing', async () => {
    const all = Array.from({ length: 3000 }, (_, n) => temperature(n));
    for (let at = 0; at < all.length; at += 1000) await keep(all.slice(at, at + 1000));
    const start = (...more: string[]): ChildProcess =>
      spawn(process.execPath, [command, 'replay', ...more], {
        env: { ...process.env, DATABASE_URL: db.server.url, FIELDLINE_DIR: directory },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    let kills = 0;
    for (const rows of [200, 1200]) {
      // Slow enough that a machine which stands still for seconds does not miss the middle.
      const child = start('--from', '99999d', '--rate', '300');
      const ended = once(child, 'exit');
      // Its place is kept behind the rows: killed when both have come so far.
      const kept = async () =>
        (await db.store.query<{ settled: number }>('SELECT settled FROM replays'))[0]?.settled ?? 0;
      while ((await count('sensor_readings')) < rows || (await kept()) < rows / 2) await wait(5);
      child.kill('SIGKILL');
      const [, signal] = await ended;
      assert.equal(signal, 'SIGKILL');
      kills++;
    }
    assert.equal(kills, 2);
    const before = await count('sensor_readings');
    assert.ok(before < 3000, `${before}`);
    // The same words, though they mean another time by now.
    const child = start('--from', '99999d');
    let out = '';
    child.stdout!.on('data', text => {
      out += text;
    });
    const [code] = await once(child, 'close');
    assert.equal(code, 0);
    const { settled, total, stored, duplicates } = JSON.parse(out) as Record<string, number>;
    assert.deepEqual([settled, total], [3000, 3000]);
    // It began behind the cursor, not from the beginning; what it repeated was known.
    assert.equal(before + stored!, 3000);
    assert.ok(stored! + duplicates! <= 2400, `${stored} and ${duplicates}`);
    assert.equal(await count('sensor_readings'), 3000);
    assert.deepEqual(await db.store.query('SELECT state FROM replays'), [{ state: 'done' }]);
  });
});
