// The raw archive on a real PostgreSQL: bytes always, JSON where it is some, time and identity as they should be.
import assert from 'node:assert/strict';
import type { Raw } from '../reading/raw.ts';
import type { Reading } from '../reading/reading.ts';
import { digest } from '../kernel/bytes.ts';
import { archive } from './archive.ts';
import { archivePages, rawOfRow } from './pages.ts';
import { archiveRow, archiveRowOf } from './row.ts';
import { archiveRowCodec } from './row-json.ts';
import { onDatabase } from '../../test/support/database.ts';

const RECEIVED = Date.UTC(2026, 0, 3, 16, 0, 5);
const NOW = RECEIVED + 1000;
const raw = (bytes: Uint8Array | string, more: Partial<Raw> = {}): Raw => ({
  topic: 'bt-mqtt/raw/pi',
  source: 'pi',
  protocol: 'mqtt',
  receivedAt: RECEIVED,
  bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes,
  ...more,
});

describe('archive row', () => {
  const received = new Date(RECEIVED).toISOString();
  const cases: readonly [name: string, raw: Raw, timestamp: string, json: boolean][] = [
    ['own time', raw('{"timestamp":"2026-01-03T15:59:59.123456Z"}'), '2026-01-03T15:59:59.123456Z', true],
    ['time in seconds', raw('{"timestamp":1767455999}'), '2026-01-03T15:59:59.000Z', true],
    ['time far ahead', raw('{"timestamp":"2036-01-01T00:00:00Z"}'), received, true],
    ['no time', raw('{"a":1}'), received, true],
    ['an array', raw(' [{"timestamp":"2026-01-01T00:00:00Z"}]'), received, true],
    ['a number', raw('21.5'), received, true],
    ['an advert frame', raw(Buffer.from('c0551006', 'hex')), received, false],
    ['text', raw('temperature 5'), received, false],
    ['half a JSON', raw('{"timestamp":"2026-01-01T00:00:00Z"'), received, false],
    ['no UTF-8', raw(Buffer.from('7b2261223a22ff227d', 'hex')), received, false],
    ['nothing', raw(''), received, false],
    ['U+0000', raw('{"timestamp":"2026-01-03T15:00:00Z","a":"\\u0000"}'), '2026-01-03T15:00:00.000Z', false],
    ['half a surrogate pair', raw('{"a":["\\ud83d"]}'), received, false],
    ['a whole surrogate pair', raw('{"a":"\\ud83d\\ude00"}'), received, true],
    ['a number without end', raw('{"a":1e400}'), received, false],
    ['hex that looks like an exponent', raw('{"a":"0e9999"}'), received, true],
    ['a receipt in the year 275000', raw('1', { receivedAt: 8.64e15 }), new Date(NOW).toISOString(), true],
    ['a receipt that is no number', raw('1', { receivedAt: Number.NaN }), new Date(NOW).toISOString(), true],
  ];
  for (const [name, message, timestamp, json] of cases)
    it(`of a message with ${name}`, () => {
      const row = archiveRow(message, NOW);
      assert.equal(row.timestamp, timestamp);
      assert.equal(row.payload !== null, json);
      assert.deepEqual(row.bytes, message.bytes);
    });

  it('needs the receipt only without a time of its own', () => {
    const receipt = { key: 'k', redelivered: true };
    assert.deepEqual(archiveRow(raw('{}', { receipt }), NOW).receipt, receipt);
    const timed = (redelivered: boolean) =>
      archiveRow(raw('{"timestamp":"2026-01-03T15:00:00Z"}', { receipt: { key: 'k', redelivered } }), NOW);
    assert.equal(timed(false).receipt, undefined);
    // The first copy may have been judged by a clock that was set since.
    assert.deepEqual(timed(true).receipt, receipt);
  });

  it('lies in an outbox as JSON and comes back byte for byte', () => {
    const messages = [
      '{"a":"\u00e9\ud83d\ude00","b":[1, 2.50]}',
      '\ufeff{"a":1}',
      '{"a":"\\u0000"}',
      'no JSON',
      '',
      Buffer.from([0xff, 0, 1]),
    ];
    for (const [n, message] of messages.entries()) {
      const row = archiveRow(raw(message), NOW);
      const text = JSON.stringify(archiveRowCodec.toJson(row));
      assert.equal(text.includes('"bytes"'), n > 0, text);
      const back = archiveRowCodec.fromJson(JSON.parse(text));
      assert.deepEqual(Buffer.from(back.bytes), Buffer.from(row.bytes));
      assert.deepEqual(
        [back.payload, back.digest, back.topic, back.receivedAt],
        [row.payload, row.digest, row.topic, row.receivedAt],
      );
    }
  });

  it('of a reading takes the frame that it carries', () => {
    const reading: Reading = {
      deviceId: 'm',
      protocol: 'modbus',
      timestamp: '2026-01-03T16:00:00.000Z',
      telemetry: { flow_rate: 1 },
      metadata: { raw: { topic: 'modbus/bus/1', hex: '010304' }, receivedAt: RECEIVED, scannerId: 'bus' },
    };
    const row = archiveRowOf(reading, NOW)!;
    assert.deepEqual(
      [row.topic, row.scannerId, row.timestamp, row.bytes],
      ['modbus/bus/1', 'bus', reading.timestamp, new Uint8Array([1, 3, 4])],
    );
    assert.equal(archiveRowOf({ ...reading, metadata: {} }, NOW), undefined);
    assert.equal(archiveRowOf({ ...reading, metadata: { raw: { topic: 't', hex: 'zz' } } }, NOW), undefined);
    assert.equal(archiveRowOf({ ...reading, timestamp: 'never' }, NOW)?.timestamp, new Date(RECEIVED).toISOString());
  });
});

describe('archive', () => {
  const db = onDatabase();
  afterEach(() => db.store?.query('TRUNCATE raw_advertisements, receipts'));
  const sink = () => archive({ query: db.store.prepared, bulk: db.store.bulk, target: 'test' });
  const write = (...messages: Raw[]) => sink().write(messages.map(message => archiveRow(message, NOW)));

  it('keeps bytes and JSON of what it is given, over months', async () => {
    const text = '{"timestamp":"2025-12-31T23:59:59.999999Z","b": 1,  "a":"\\"\\\\ é \\ud83d\\ude00"}';
    const frame = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    assert.deepEqual(await write(raw(text), raw(frame, { source: 'bus, "1"', topic: 'modbus/\\bus/1' })), [
      'stored',
      'stored',
    ]);
    const rows = await db.store.query<Record<string, unknown>>(
      `SELECT scanner_id, topic, payload, bytes, to_char(timestamp, 'YYYY-MM US') AS time, received_at FROM raw_advertisements ORDER BY timestamp`,
    );
    assert.deepEqual(rows, [
      {
        scanner_id: 'pi',
        topic: 'bt-mqtt/raw/pi',
        payload: JSON.parse(text),
        bytes: Buffer.from(text),
        time: '2025-12 999999',
        received_at: new Date(RECEIVED),
      },
      {
        scanner_id: 'bus, "1"',
        topic: 'modbus/\\bus/1',
        payload: null,
        bytes: frame,
        time: '2026-01 000000',
        received_at: new Date(RECEIVED),
      },
    ]);
  });

  for (const [what, text, payload] of [
    ['U+0000', '{"address":"A4:C1:38:00:00:01","name":"Shed\\u0000\\u0000"}', { name: 'Shed' }],
    ['half a pair', '{"address":"A4:C1:38:00:00:01","name":"Shed \\ud83d"}', { name: 'Shed \ufffd' }],
    ['no end', '{"address":"A4:C1:38:00:00:01","rssi":-1e999}', { rssi: null }],
  ] as const)
    it(`finds a device in a message with ${what}, of which all bytes are kept, through an outbox too`, async () => {
      const row = archiveRowCodec.fromJson(
        JSON.parse(JSON.stringify(archiveRowCodec.toJson(archiveRow(raw(text), NOW)))),
      );
      assert.deepEqual(await sink().write([row]), ['stored']);
      assert.deepEqual(await db.store.query('SELECT payload, bytes FROM raw_advertisements'), [
        { payload: { address: 'A4:C1:38:00:00:01', ...payload }, bytes: Buffer.from(text) },
      ]);
      const [unknown] = await db.store.query<{ address: string }>('SELECT address FROM unknown_devices');
      assert.equal(unknown?.address, 'A4:C1:38:00:00:01');
    });

  it('keeps the bytes of JSON that only the database refuses', async () => {
    // JavaScript reads 0, jsonb counts the digits.
    const message = raw(`{"a":1e-${'9'.repeat(20)}}`);
    assert.deepEqual(await write(raw('{"a":1}'), message, raw('{"a":2}')), ['stored', 'stored', 'stored']);
    assert.deepEqual(await write(message), ['duplicate']);
    assert.deepEqual(await db.store.query('SELECT payload FROM raw_advertisements WHERE bytes = $1', [message.bytes]), [
      { payload: null },
    ]);
  });

  it('refuses alone what a trigger of an operator fails at, and takes the others', async () => {
    await db.store.query(`CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF new.topic = 'bad' THEN EXECUTE 'SELECT FROM of_it'; END IF; RETURN new; END $$;
      CREATE TRIGGER guard BEFORE INSERT ON raw_advertisements FOR EACH ROW EXECUTE FUNCTION guard()`);
    const rows = ['good', 'better', 'bad'].map(topic => archiveRow(raw('{"guarded":1}', { topic }), NOW));
    const [good, better, bad] = await sink().write(rows);
    assert.deepEqual([good, better], ['stored', 'stored']);
    assert.match((bad as { rejected: string }).rejected, /^relation "of_it" does not exist \(SQLSTATE 42P01\)$/);
    await db.store.query('DROP FUNCTION guard CASCADE');
  });

  it('keeps the same bytes of two topics, and says of a replay what the row alone does not tell', async () => {
    const ble: Partial<Raw> = { protocol: 'bluetooth', deviceId: 'A', signalStrength: -60 };
    const messages = [raw('21.5', { topic: 'home/a' }), raw('21.5', { topic: 'home/b', ...ble })];
    assert.deepEqual(await write(...messages), ['stored', 'stored']);
    assert.deepEqual(await write(...messages), ['duplicate', 'duplicate']);
    assert.deepEqual(await db.store.query('SELECT metadata FROM raw_advertisements ORDER BY topic'), [
      { metadata: null },
      { metadata: ble },
    ]);
  });

  it('keeps a message of the longest topic and scanner that MQTT allows, once, and gives it back whole', async () => {
    // Such as does not compress; the index takes 2,704 bytes.
    const long = Array.from({ length: 3000 }, (_, n) => digest(`${n}`))
      .join('/')
      .slice(0, 65_000);
    const topics = [`bt-mqtt/raw/${long}`, `home/${long}`, `home/${long}.`, `home/${'\ud83d\ude00é'.repeat(9000)}`];
    const messages = topics.map(topic => raw('{"a":1}', { topic, source: long }));
    assert.deepEqual(await write(...messages), ['stored', 'stored', 'stored', 'stored']);
    assert.deepEqual(await write(...messages), ['duplicate', 'duplicate', 'duplicate', 'duplicate']);
    for (const topic of topics) {
      const found = await archivePages({ query: db.store.query, selection: { device: 'none' } })();
      assert.deepEqual(found, []);
      const all = await archivePages({ query: db.store.query, selection: {} })();
      assert.ok(all?.some(placed => placed.raw.topic === topic));
      assert.equal(rawOfRow(archiveRow(raw('1', { topic }), NOW)).topic, topic);
    }
    const ends = await archivePages({
      query: db.store.query,
      selection: { device: long.slice(long.lastIndexOf('/') + 1) },
    })();
    assert.deepEqual(ends?.map(({ raw: { topic } }) => topic).sort(), topics.slice(0, 2).sort());
  });

  it('recognises a redelivery without a time of its own by its receipt', async () => {
    const delivered = (redelivered: boolean, receivedAt: number) =>
      raw('{"a":1}', { receivedAt, receipt: { key: 'c 1', redelivered } });
    assert.deepEqual(await write(delivered(false, RECEIVED)), ['stored']);
    assert.deepEqual(await write(delivered(true, RECEIVED + 500)), ['duplicate']);
    assert.deepEqual(await write(delivered(false, RECEIVED + 600)), ['stored']);
  });

  it('recognises a redelivery whose own time was believed once and not the other time, as the clock was set between', async () => {
    const hour = 3_600_000;
    const copy = (n: number, redelivered: boolean, receivedAt: number) =>
      raw(`{"n":${n},"timestamp":"${new Date(RECEIVED - 1000).toISOString()}"}`, {
        ...{ receivedAt, receipt: { key: 'c clock', redelivered } },
      });
    for (const [n, [first, second]] of [
      [RECEIVED, RECEIVED - hour] as const,
      [RECEIVED - hour, RECEIVED] as const,
    ].entries()) {
      assert.deepEqual(await write(copy(n, false, first)), ['stored']);
      assert.deepEqual(await write(copy(n, true, second)), ['duplicate']);
      assert.deepEqual(await write(copy(n + 10, false, first), copy(n + 10, true, second)), ['stored', 'duplicate']);
    }
    assert.deepEqual(await write(copy(20, true, RECEIVED - hour)), ['stored']);
  });
});
