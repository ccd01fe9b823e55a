// Items of a posted body: the seeds' messages word for word, and every fault with its item and field.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { digest } from '../kernel/bytes.ts';
import { tableOf } from '../reading/reading.ts';
import { type Body, readBody } from './ingest-items.ts';

const NOW = Date.UTC(2026, 1, 11, 15, 0, 0);
const read = (body: unknown, more: { deviceId?: string; maxItems?: number } = {}): Body =>
  readBody(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), {
    origin: { receivedAt: NOW, source: 'gw-1', protocol: 'http', receipt: { key: 'k', redelivered: true } },
    topic: 'http/ingest',
    maxItems: 1000,
    ...more,
  });
const oneOf = (body: unknown, deviceId?: string) => {
  const found = read(body, deviceId === undefined ? {} : { deviceId });
  assert.ok('items' in found && found.items.length === 1);
  const [item] = found.items;
  assert.ok(item !== undefined && 'reading' in item, JSON.stringify(item));
  return item.reading;
};
/** `[item].field` of every fault, in order. */
const faultsOf = (body: unknown, deviceId?: string): string[] => {
  const found = read(body, deviceId === undefined ? {} : { deviceId });
  if ('whole' in found) return [found.whole.detail];
  return found.items.flatMap((item, at) =>
    'faults' in item ? item.faults.map(({ field, detail }) => `${at}.${field ?? detail}`) : [],
  );
};

// Seed 000, message of path A.
const A01 = `{
  "type": "measurement",
  "value_mm": 2450.0,
  "raw_hex": "c055100600000019411a0000000000000000",
  "device_id": "AA:BB:CC:DD:EE:FF",
  "session_id": "uuid-session-123",
  "element_type": "gevel",
  "element_id": "uuid-element-456",
  "source": "ble_mobile",
  "anomaly_score": 0.85,
  "timestamp": "2026-02-11T14:30:00.000Z"
}`;

describe('ingest: the messages of the seeds', () => {
  it('a measurement of path A (A01, A04)', () => {
    const reading = oneOf(A01);
    assert.deepEqual(reading, {
      deviceId: 'AA:BB:CC:DD:EE:FF',
      protocol: 'http',
      timestamp: '2026-02-11T14:30:00.000Z',
      telemetry: { value_mm: 2450 },
      metadata: {
        ...{ rawHex: 'c055100600000019411a0000000000000000', sessionId: 'uuid-session-123', elementType: 'gevel' },
        ...{ elementId: 'uuid-element-456', source: 'ble_mobile', receivedScore: 0.85 },
        ...{ digest: digest(A01), receivedAt: NOW, scannerId: 'gw-1', parser: 'ingest' },
        receipt: { key: 'k', redelivered: true },
        raw: { topic: 'http/ingest', hex: Buffer.from(A01).toString('hex') },
      },
    });
  });

  it('a measurement whose address says the device in another way', () => {
    const { deviceId } = oneOf(A01, 'aa-bb-cc-dd-ee-ff');
    assert.equal(deviceId, 'AA:BB:CC:DD:EE:FF');
  });

  it('a status of a meter (A03)', () => {
    const reading = oneOf({ type: 'status', device_id: 'aa-bb-cc-dd-ee-ff', connected: true, battery_estimate: 85 });
    assert.deepEqual(reading.telemetry, { connected: true, battery_estimate: 85 });
    assert.equal(reading.deviceId, 'AA:BB:CC:DD:EE:FF');
  });

  it('the device data structure (C01, C03), its device in the address or in the body', () => {
    const body = {
      deviceId: 'esp-7',
      protocol: 'gsm',
      timestamp: '2026-02-11T14:59:00.123456Z',
      telemetry: { temperature: 21.5, pressure: 1013, flow: 3.2, status: 'ok' },
      metadata: { signalStrength: -70, batteryLevel: 88, location: { lat: 52.1, lon: 5.2 } },
    };
    for (const reading of [
      oneOf(body),
      oneOf(body, 'esp-7'),
      oneOf(JSON.stringify({ ...body, deviceId: undefined }), 'esp-7'),
    ]) {
      assert.deepEqual([reading.deviceId, reading.protocol, reading.timestamp], ['esp-7', 'gsm', body.timestamp]);
      assert.deepEqual(reading.telemetry, body.telemetry);
      assert.deepEqual(reading.metadata.location, { lat: 52.1, lon: 5.2 });
    }
  });

  it('a Bluetooth device that another gateway has heard, by the one name of its address', () => {
    const body = { deviceId: 'aa-bb-cc-dd-ee-ff', protocol: 'bluetooth', telemetry: { temperature: 21 } };
    assert.equal(oneOf(body).deviceId, 'AA:BB:CC:DD:EE:FF');
    assert.equal(oneOf({ ...body, deviceId: 'aabb.ccdd.eeff' }).deviceId, 'AA:BB:CC:DD:EE:FF');
    assert.equal(oneOf({ ...body, deviceId: '123456789012' }).deviceId, '123456789012');
    assert.equal(oneOf({ ...body, protocol: 'mqtt' }).deviceId, 'aa-bb-cc-dd-ee-ff');
  });

  it('a flow reading without a time (E05), recognised again by its receipt', () => {
    const reading = oneOf({ device_id: 'NIVUS-1', flow_rate: 12.5, totalizer: 1000.25, temperature: 18.2, status: 0 });
    assert.equal(tableOf(reading.telemetry), 'flow_data');
    assert.equal(reading.timestamp, new Date(NOW).toISOString());
    assert.deepEqual(reading.metadata.receipt, { key: 'k', redelivered: true });
  });

  it('a batch (E06): each item has the identity of its own text', () => {
    const items = [1, 2, 3].map(n => ({ device_id: `d${n}`, flow_rate: n, timestamp: '2026-02-11T14:00:00Z' }));
    const body = read(items);
    assert.ok('items' in body && body.batch);
    const digests = body.items.map(item => 'reading' in item && item.reading.metadata.digest);
    assert.deepEqual(
      digests,
      items.map(item => digest(JSON.stringify(item))),
    );
  });

  it('takes the time of a row, a number for a time, and puts its own where a clock is wrong', () => {
    const at = (more: object) => oneOf({ device_id: 'd', flow_rate: 1, ...more }).timestamp;
    assert.equal(at({ created_at: '2026-02-11T14:00:00Z' }), '2026-02-11T14:00:00.000Z');
    assert.equal(at({ timestamp: Date.UTC(2026, 1, 11) / 1000 }), '2026-02-11T00:00:00.000Z');
    for (const wrong of ['2030-01-01T00:00:00Z', '1970-01-01T00:00:03Z', '0000-00-00 00:00:00', 1, '', null])
      assert.equal(at({ timestamp: wrong }), new Date(NOW).toISOString(), String(wrong));
  });
});

describe('ingest: every fault is named', () => {
  const cases: readonly [name: string, body: unknown, faults: readonly (string | RegExp)[], deviceId?: string][] = [
    ['no device', { flow_rate: 1 }, ['0.device_id']],
    ['an empty device', { device_id: ' ', flow_rate: 1 }, ['0.device_id']],
    ['a device with a character that cannot be seen', '{"device_id": "a\\u0000b", "flow_rate": 1}', ['0.device_id']],
    ['a device with a line end', { deviceId: 'a\nb', flow_rate: 1 }, ['0.deviceId']],
    ['a device with half a character', '[{"device_id": "a\\ud800", "flow_rate": 1}]', ['0.device_id']],
    ['a device that is an object', { device_id: { $ne: 1 }, flow_rate: 1 }, ['0.device_id']],
    ['a device that is too long', { deviceId: 'x'.repeat(201), flow_rate: 1 }, ['0.deviceId']],
    ['another device than the address', { device_id: 'b', telemetry: { flow: 1 } }, ['0.device_id'], 'a'],
    ['no measurement', { device_id: 'd' }, [/^0\.item: expected at least one measurement/]],
    ['a time alone', { device_id: 'd', timestamp: '2026-01-01T00:00:00Z' }, [/at least one measurement/]],
    ['a remark alone', { device_id: 'd', note: 'hello' }, [/at least one measurement/]],
    ['empty telemetry', { device_id: 'd', telemetry: {} }, [/at least one measurement/]],
    ['only numbers that are none', { device_id: 'd', flow_rate: null, totalizer: 'NaN' }, ['0.flow_rate', '0.totalizer']],
    ['a text for a number', { device_id: 'd', flow_rate: 'abc', totalizer: true }, ['0.flow_rate', '0.totalizer']],
    ['the same in telemetry', { deviceId: 'd', telemetry: { temperature: 'hot', ok: 1 } }, ['0.temperature']],
    ['an object for a number', { device_id: 'd', flow_rate: { value: 1 }, totalizer: 1 }, ['0.flow_rate']],
    ['a measurement without a value', { type: 'measurement', device_id: 'd' }, ['0.value_mm']],
    ['a time that no clock shows', { device_id: 'd', flow_rate: 1, timestamp: 'yesterday' }, ['0.timestamp']],
    ['a time that is an object', { device_id: 'd', flow_rate: 1, timestamp: {} }, ['0.timestamp']],
    ['all of a batch', [{ flow_rate: 'x' }, { device_id: 'a', flow_rate: 1 }, 5, { device_id: 'b' }],
      ['0.device_id', '0.flow_rate', /^2\.item: expected a JSON object/, /^3\.item/]],
    ['more absent metrics than an answer can tell', { device_id: 'd', telemetry: Object.fromEntries(Array.from({ length: 200_000 }, (_, n) => [`m${n}`, null])) }, [/at most 500 metrics/]],
    ['too many metrics, of which most are absent', { device_id: 'd', telemetry: Object.fromEntries(Array.from({ length: 501 }, (_, n) => [`m${n}`, n === 0 ? 1 : null])) }, [/at most 500 metrics/]],
    ['too many metrics', { device_id: 'd', telemetry: Object.fromEntries(Array.from({ length: 501 }, (_, n) => [`m${n}`, n])) }, [/at most 500 metrics/]],
    ['an empty batch', [], [/^body: expected one reading or more/]],
    ['a number for a body', '5', [/^0\.item: expected a JSON object/]],
    ['no JSON', '{"device_id": "d", "flow_rate": 1', [/^body: expected JSON/]],
    ['nothing', '', [/^body: expected JSON/]],
    ['33 levels', '['.repeat(33) + ']'.repeat(33), [/at most 32 levels/]],
    ['100,000 levels', '['.repeat(100_000), [/at most 32 levels/]],
  ]; // biome-ignore format: one case a line is read more easily
  for (const [name, body, faults, deviceId] of cases)
    it(name, () => {
      const found = faultsOf(body, deviceId);
      assert.equal(found.length, faults.length, found.join('; '));
      for (const [at, fault] of faults.entries())
        if (typeof fault === 'string') assert.equal(found[at], fault);
        else assert.match(found[at]!, fault);
    });

  it('bytes that are no UTF-8', () => {
    const body = readBody(Buffer.from([0x7b, 0xff, 0x7d]), {
      ...{ topic: 't', maxItems: 1 },
      origin: { receivedAt: NOW, source: 's', protocol: 'http' },
    });
    assert.match('whole' in body ? body.whole.detail : '', /UTF-8/);
  });

  it('more readings than allowed, with a mark of its own', () => {
    const body = read([{}, {}, {}], { maxItems: 2 });
    assert.equal('whole' in body && body.tooMany, true);
  });
});

describe('ingest: hostile values are values', () => {
  it('keys of a prototype set none', () => {
    const text = '{"device_id":"d","flow_rate":1,"__proto__":{"polluted":1},"constructor":2,"toString":3}';
    const { telemetry } = oneOf(text);
    assert.deepEqual({ ...telemetry }, { flow_rate: 1, constructor: 2, toString: 3 });
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });

  it('SQL, control characters and half characters are text', () => {
    const sql = `'); DROP TABLE devices; --`;
    const reading = oneOf(`{"device_id":${JSON.stringify(sql)},"flow_rate":1,"note":"a\\u0000b\\ud800"}`);
    assert.equal(reading.deviceId, sql);
    assert.equal(reading.telemetry['note'], 'ab\ufffd');
  });

  it('a key that stands twice: the last one counts', () => {
    assert.deepEqual(oneOf('{"device_id":"a","device_id":"d","flow_rate":1,"flow_rate":2}').telemetry, {
      flow_rate: 2,
    });
  });

  for (const form of ['in telemetry', 'beside the device'])
    it(`what has no name, or one that no index takes, is kept and no metric, ${form}`, () => {
      const long = 'n'.repeat(4000);
      const nameless = { '': 1, ' ': 2, [long]: 3 };
      const item = (values: object) =>
        JSON.stringify({ device_id: 'd', ...(form === 'in telemetry' ? { telemetry: values } : values) });
      const { telemetry, metadata } = oneOf(item({ ...nameless, flow_rate: 4 }));
      assert.deepEqual(telemetry, { flow_rate: 4 });
      assert.deepEqual(metadata.extra, { '': 1, ' ': 2, [long]: 3 });
      assert.deepEqual(Object.keys(metadata.quality ?? {}), ['', ' ', long.slice(0, 128)]);
      assert.equal(faultsOf(item(nameless)).length, 3, 'nothing else came');
    });

  it('numbers without end are no numbers', () => {
    for (const number of ['1e999', '1e101', '-1.7e308'])
      assert.deepEqual(faultsOf(`{"device_id":"d","flow_rate":${number}}`), ['0.flow_rate']);
    const { metadata } = oneOf('{"device_id":"d","flow_rate":1e999,"power_kw":-1e200,"totalizer":5}');
    assert.deepEqual(metadata.quality, {
      flow_rate: 'flow_rate: expected a number from -1e+100 to 1e+100, got "Infinity"',
      power_kw: 'power_kw: expected a number from -1e+100 to 1e+100, got "-1e+200"',
    });
    assert.deepEqual(oneOf('{"device_id":"d","flow_rate":1e100}').telemetry, { flow_rate: 1e100 });
    assert.deepEqual(oneOf('{"device_id":"d","flow_rate":NaN,"totalizer":5}').telemetry, { totalizer: 5 });
  });
});

describe('ingest: anything at all', () => {
  const key = fc.oneof(
    fc.constantFrom('device_id', 'deviceId', 'flow_rate', 'value_mm', 'type', 'telemetry', 'metadata', 'timestamp'),
    fc.constantFrom('__proto__', 'constructor', 'toString', 'temperature', 'quality', 'location', 'created_at'),
    fc.string(),
  );
  const leaf = fc.oneof(
    fc.string(),
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.constant('measurement'),
  );
  const value = fc.letrec<{ any: unknown }>(tie => ({
    any: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('any'), { maxLength: 4 }),
      fc.dictionary(key, tie('any'), { maxKeys: 6 }),
    ),
  })).any;

  it('is a reading that can be stored, or a fault that says why', () => {
    fc.assert(
      fc.property(value, fc.boolean(), (body, named) => {
        const found = read(JSON.stringify(body) ?? '', named ? { deviceId: 'named' } : {});
        if ('whole' in found) return found.whole.detail.length > 0;
        return found.items.every(item => {
          if ('faults' in item) return item.faults.length > 0 && item.faults.every(({ detail }) => detail.length > 0);
          const { deviceId, timestamp, telemetry, metadata } = item.reading;
          const sane = Object.values(telemetry).every(one => typeof one !== 'number' || Number.isFinite(one));
          const text = JSON.stringify(item.reading);
          return (
            deviceId.trim() !== '' &&
            !Number.isNaN(Date.parse(timestamp)) &&
            sane &&
            metadata.digest !== undefined &&
            Object.getPrototypeOf(telemetry) === Object.prototype &&
            text.isWellFormed() &&
            !text.includes('\\u0000')
          );
        });
      }),
      { numRuns: 3000, seed: 7 },
    );
  });

  it('bytes of any kind give an answer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        const origin = { receivedAt: NOW, source: 's', protocol: 'http' } as const;
        readBody(bytes, { origin, topic: 't', maxItems: 10 });
      }),
      { numRuns: 1000, seed: 7 },
    );
  });
});
