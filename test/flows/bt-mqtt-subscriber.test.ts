// flows/bt-mqtt-subscriber.json in a running gateway: captures and heartbeats of several scanners over real MQTT, into the database (B13–B30, B33, B34).
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Readable } from 'node:stream';
import type pg from 'pg';
import type { FlowNode, Gateway } from '../../bench/gateway.ts';
import { main } from '../../cli/fieldline.ts';
import { connectPublisher, type Publisher } from '../../sim/publisher.ts';
import { type GatewayOnDatabase, gatewayOnDatabase } from '../support/gateway.ts';
import { untilAt } from '../support/until.ts';

const root = path.resolve(import.meta.dirname, '../..');
const flow = JSON.parse(readFileSync(path.join(root, 'flows/bt-mqtt-subscriber.json'), 'utf8')) as FlowNode[];
type Capture = { kind?: string; address: string; at?: number; origin?: string; licence?: string; decoder?: string };
const captures = globSync('sim/captures/{ruuvi,bthome}.jsonl', { cwd: root })
  .flatMap(file => readFileSync(path.join(root, file), 'utf8').trim().split('\n'))
  .map(line => JSON.parse(line) as Capture)
  .filter(({ kind }) => kind === 'advert');
const SCANNERS = ['attic', 'cellar', 'garden-é'];
const START = Date.now() - 3_600_000;
const ODD = 1300;

/** The message of a scanner, with a time of its own for each. */
function advert(scanner: string, number: number, more: object = {}): string {
  const { kind: _, at: _at, origin: _origin, licence: _licence, ...capture } = captures[number % captures.length]!;
  return JSON.stringify({
    scanner_id: scanner,
    timestamp: new Date(START + number * 1000).toISOString(),
    ...capture,
    ...more,
  });
}

describe('seed 001: the subscriber', () => {
  let running: GatewayOnDatabase;
  let gateway: Gateway;
  let publisher: Publisher;
  let pool: pg.Pool;

  before(async function () {
    running = await gatewayOnDatabase(this, 'subscriber');
    ({ gateway, pool } = running);
    await gateway.deploy('full', () => flow);
    await until('/health', async () => (await gateway.health()).status === 200);
    publisher = await connectPublisher(gateway.mqtt, 'scanner');
  });
  after(async () => {
    await publisher?.close();
    await running?.remove();
  });

  const until = untilAt(() => gateway);
  const ask = async <R extends object>(sql: string, values: unknown[] = []): Promise<R[]> =>
    (await pool.query<R>(sql, values)).rows;
  const count = async (sql: string, values: unknown[] = []): Promise<number> =>
    Number((await ask<{ n: string }>(`SELECT count(*) AS n FROM ${sql}`, values))[0]!.n);
  const publish = (scanner: string, text: string): Promise<void> => publisher.publish(`bt-mqtt/raw/${scanner}`, text);
  type Ledger = { code: number; lines: Map<string, number[]> };
  async function ledger(directory = gateway.directory): Promise<Ledger> {
    const out: string[] = [];
    const io = { stdin: Readable.from([]), stdout: (line: string) => out.push(line), stderr: () => {}, env: {} };
    const code = await main(['doctor', '--ledger'], { ...io, env: { FIELDLINE_DIR: directory } });
    const rows = out.slice(1, -1).map(line => line.split(/\s{2,}/));
    return { code, lines: new Map(rows.map(([name = '', ...cells]) => [name, cells.map(Number)])) };
  }

  it('archives, decodes and registers the adverts of every scanner (B13, B15, B18, B21, B22, B34)', async () => {
    const texts = SCANNERS.flatMap(scanner => captures.map((_, number) => [scanner, advert(scanner, number)] as const));
    await Promise.all(texts.map(([scanner, text]) => publish(scanner, text)));
    await until('the adverts', async () => (await count('raw_advertisements')) >= texts.length);
    const rows = await ask<{ scanner_id: string; payload: unknown; bytes: Buffer; topic: string }>(
      'SELECT scanner_id, topic, payload, bytes FROM raw_advertisements',
    );
    assert.deepEqual(new Set(rows.map(row => row.bytes.toString())), new Set(texts.map(([, text]) => text)));
    for (const { scanner_id, payload, bytes, topic } of rows) {
      assert.equal(topic, `bt-mqtt/raw/${scanner_id}`);
      assert.deepEqual(payload, JSON.parse(bytes.toString()));
    }
    const addresses = new Set(captures.map(({ address }) => address));
    await until('the devices', async () => (await count('devices')) >= addresses.size);
    assert.deepEqual(
      new Set((await ask<{ id: string }>('SELECT device_id AS id FROM devices')).map(({ id }) => id)),
      addresses,
    );
    assert.equal(await count('devices WHERE parser IS NULL OR last_seen IS NULL'), 0);
    assert.equal(await count('sensor_readings WHERE value IS NOT NULL AND anomaly_score IS NULL'), 0, 'scored (A12)');
    const heard = await ask<{ scanner_id: string; devices: string }>(
      'SELECT scanner_id, count(DISTINCT device_id) AS devices FROM sensor_readings GROUP BY 1 ORDER BY 1',
    );
    assert.deepEqual(
      heard,
      [...SCANNERS]
        .sort()
        .map(scanner_id => ({ scanner_id, devices: addresses.size }))
        .map(row => ({ ...row, devices: String(row.devices) })),
    );
  });

  it('stores a message that comes twice once (B27)', async () => {
    const text = advert('attic', 1000);
    for (let times = 0; times < 3; times++) await publish('attic', text);
    await publish('attic', advert('attic', 1001));
    const one = `raw_advertisements WHERE payload ->> 'timestamp' = $1`;
    await until('the later one', async () => (await count(one, [JSON.parse(advert('attic', 1001)).timestamp])) === 1);
    assert.equal(await count(one, [JSON.parse(text).timestamp]), 1);
  });

  it('archives what no decoder takes, lists unknown devices, and goes on (B14, B20, B25)', async () => {
    const hostile = ['', 'no json', '[', '{}', 'null', '"text"', '{"scanner_id":"attic"}', '\u0000', '{"a":"\\u0000"}'];
    for (const text of hostile) await publish('attic', text);
    const unknown = { address: 'aa:bb:cc:00:00:01', manufacturer_data: { ffff: '0102' }, service_data: undefined };
    await publish('cellar', advert('cellar', 1100, { ...unknown, name: 'nobody knows' }));
    await publish('attic', advert('attic', 1101));
    await until(
      'the one after',
      async () => (await count(`sensor_readings WHERE timestamp = $1`, [new Date(START + 1_101_000)])) > 0,
    );
    for (const text of hostile)
      assert.ok((await count('raw_advertisements WHERE bytes = $1', [Buffer.from(text)])) >= 1, JSON.stringify(text));
    const [found] = await ask<{ address: string; scanners: string[]; example: { name: string } }>(
      `SELECT address, scanners, example FROM unknown_devices WHERE address = 'AA:BB:CC:00:00:01'`,
    );
    assert.deepEqual([found?.scanners, found?.example.name], [['cellar'], 'nobody knows']);
  });

  it('moves what the table refuses to the dead letters, and stores the rest of the batch (B27)', async () => {
    const timeOf = (number: number): string => new Date(START + number * 1000).toISOString();
    const refused = [1201, 1203, 1204].map(number => `'${timeOf(number)}'`).join(', ');
    await ask(`ALTER TABLE sensor_readings ADD CONSTRAINT refused CHECK (timestamp NOT IN (${refused})) NOT VALID`);
    await Promise.all([1200, 1201, 1202, 1203, 1204, 1205].map(number => publish('attic', advert('attic', number))));
    await until('the dead letters', async () => (await count('dead_letters')) === 3);
    const times = await ask<{ timestamp: Date }>(
      'SELECT DISTINCT timestamp FROM sensor_readings WHERE timestamp BETWEEN $1 AND $2 ORDER BY 1',
      [timeOf(1200), timeOf(1205)],
    );
    assert.deepEqual(
      times.map(({ timestamp }) => timestamp.toISOString()),
      [1200, 1202, 1205].map(timeOf),
    );
    const [letter] = await ask<{ reason: string; device_id: string }>('SELECT reason, device_id FROM dead_letters');
    assert.match(letter?.reason ?? '', /refused.*SQLSTATE 23514/);
    assert.equal(await count('raw_advertisements WHERE timestamp BETWEEN $1 AND $2', [timeOf(1200), timeOf(1205)]), 6);
    await ask('ALTER TABLE sensor_readings DROP CONSTRAINT refused');
  });

  it('keeps the registry of scanners from their heartbeats, and shows who is offline (B23, B32)', async () => {
    const beat = (scanner: string, minutesAgo: number, more: object = {}): Promise<void> =>
      publisher.publish(
        `bt-mqtt/scanner/${scanner}/status`,
        JSON.stringify({
          ...{ scanner_id: scanner, timestamp: new Date(Date.now() - minutesAgo * 60_000).toISOString() },
          ...{ uptime_s: 120, messages_sent: 34, devices_seen: 5, adapter_status: 'on', ...more },
        }),
      );
    await beat('attic', 0, { location: 'top floor' });
    await beat('attic', 0, { uptime_s: 180, messages_sent: 40, adapter_status: 'off' });
    await beat('cellar', 0);
    await publisher.publish('bt-mqtt/scanner/cellar/status', 'no heartbeat');
    await until('the scanners', async () => (await count('scanners')) === 2);
    await until('the second heartbeat', async () => (await count('scanners WHERE uptime_s = 180')) === 1);
    await ask(`UPDATE scanners SET last_seen = now() - interval '6 minutes' WHERE scanner_id = 'cellar'`);
    const rows = await ask(
      `SELECT scanner_id, location, uptime_s, messages_sent::int, devices_seen::int, adapter_status, online
       FROM scanner_status ORDER BY scanner_id`,
    );
    const common = { devices_seen: 5 };
    assert.deepEqual(rows, [
      {
        ...common,
        scanner_id: 'attic',
        location: 'top floor',
        uptime_s: 180,
        messages_sent: 40,
        adapter_status: 'off',
        online: true,
      },
      {
        ...common,
        scanner_id: 'cellar',
        location: null,
        uptime_s: 120,
        messages_sent: 34,
        adapter_status: 'on',
        online: false,
      },
    ]);
    assert.equal(
      await count(`raw_advertisements WHERE topic = 'bt-mqtt/scanner/attic/status' AND scanner_id = 'attic'`),
      2,
    );
    assert.equal(await count(`devices WHERE device_id = 'attic' AND class = 'scanner'`), 1);
  });

  it('calls a scanner by one name in archive, readings and registry, wherever it is told (B34)', async () => {
    const told = [
      ['attic', { scanner_id: 'roof' }, 'roof'],
      ['attic', { scanner_id: 7 }, '7'],
      ['house/attic', { scanner_id: undefined }, 'house/attic'],
      ['attic', { scanner_id: '' }, 'attic'],
    ] as const;
    for (const [at, [topic, more]] of told.entries()) await publish(topic, advert(topic, ODD + at, more));
    const beat = { scanner_id: 'roof', uptime_s: 3, adapter_status: true };
    await publisher.publish('bt-mqtt/scanner/attic/status', JSON.stringify(beat));
    await until('the scanner', async () => (await count(`scanners WHERE scanner_id = 'roof'`)) === 1);
    for (const [at, [, , scanner]] of told.entries()) {
      const time = [new Date(START + (ODD + at) * 1000)];
      await until(`scanner ${scanner}`, async () => (await count('sensor_readings WHERE timestamp = $1', time)) > 0);
      for (const table of ['raw_advertisements', 'sensor_readings'])
        assert.deepEqual(
          await ask(`SELECT DISTINCT scanner_id FROM ${table} WHERE timestamp = $1`, time),
          [{ scanner_id: scanner }],
          table,
        );
    }
    assert.deepEqual(await ask(`SELECT adapter_status, online FROM scanner_status WHERE scanner_id = 'roof'`), [
      { adapter_status: 'on', online: true },
    ]);
  });

  it('goes on by itself when the database comes back, without a loss (B16, B26, B28)', async () => {
    const before = await count('raw_advertisements');
    await running.postgres.terminate('SIGKILL');
    const sent = Array.from({ length: 200 }, (_, at) => publish('cellar', advert('cellar', 2000 + at)));
    await wait(300);
    await running.postgres.restart();
    await Promise.all(sent);
    await until('what came meanwhile', async () => (await count('raw_advertisements').catch(() => 0)) === before + 200);
  });

  it('balances: every message of each source has one end, before and after kill -9 under load (B33)', async () => {
    const atRest = async (): Promise<boolean> => (await ledger()).lines.get('Adverts')?.[5] === 0;
    await until('rest', atRest);
    let ends = await ledger();
    const adverts = captures.length * SCANNERS.length + 4 + 9 + 2 + 6 + 4 + 200;
    assert.equal(ends.code, 0);
    const [received, stored, duplicates, deadLetters, dropped] = ends.lines.get('Adverts')!;
    assert.deepEqual([received, duplicates, deadLetters, dropped], [adverts, 2, 3, 10]);
    assert.equal(stored, adverts - 15);
    assert.deepEqual(ends.lines.get('Heartbeats'), [5, 4, 0, 0, 1, 0, 0]);

    const sent: Promise<boolean>[] = [];
    for (let at = 0; at < 1500; at++) {
      sent.push(
        publish('attic', advert('attic', 4000 + at)).then(
          () => true,
          () => false,
        ),
      );
      if (at % 100 === 99) await wait(50);
      if (at === 900) void gateway.end('SIGKILL');
    }
    const acknowledged = (await Promise.all(sent)).filter(Boolean).length;
    await gateway.end('SIGKILL');
    assert.ok(acknowledged > 0 && acknowledged < 1500, `${acknowledged} acknowledged`);
    assert.equal((await ledger()).code, 0, 'balances while the gateway is dead');
    await gateway.start();
    // Scanners send heartbeats of their own as time goes by.
    const fresh = `raw_advertisements WHERE topic LIKE 'bt-mqtt/raw/%' AND payload ->> 'timestamp' >= $1`;
    const since = [new Date(START + 4_000_000).toISOString()];
    await until('what was acknowledged', async () => (await count(fresh, since)) >= acknowledged);
    // Every message that reached the broker is counted in once, though some are delivered twice. What was not acknowledged
    // is still being delivered when the rest is there.
    await until('the ledger and the archive to agree', async () => {
      ends = await ledger();
      const [received = 0, , , , , open] = ends.lines.get('Adverts')!;
      return open === 0 && received - adverts === (await count(fresh, since));
    });
    assert.equal(ends.code, 0);
    const after = ends.lines.get('Adverts')!;
    assert.deepEqual([after[3], after[4]], [3, 10]);
  });
});
