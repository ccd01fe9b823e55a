// Normalize: the seeds' messages give the readings of the specification.
import assert from 'node:assert/strict';
import { digest } from '../kernel/bytes.ts';
import type { Raw } from '../reading/raw.ts';
import type { Reading } from '../reading/reading.ts';
import { type Evaluate, withComputed } from './expression.ts';
import { laser, meter, NOW, NOW_ISO, raw, read, values } from './normalize.fixture.ts';
import { normalizer } from './normalize.ts';

describe('normalize: formats of the seeds', () => {
  it('reads an energy message (D03)', () => {
    const reading = read('homelab/energy/meter1', meter);
    assert.deepEqual(reading, {
      deviceId: 'meter1',
      protocol: 'mqtt',
      timestamp: '2026-01-03T16:00:00.000Z',
      telemetry: values,
      metadata: { digest: digest(JSON.stringify(meter)), receivedAt: NOW, scannerId: 'house', parser: 'energy' },
    });
  });

  it('gives demo devices to their organisation, unless the message came with another', () => {
    const orgs = [{}, { orgId: 'acme' }].map(more => {
      const { readings } = normalizer()(raw('homelab/energy/demo-meter1', meter, more));
      return readings[0]?.metadata.orgId;
    });
    assert.deepEqual(orgs, ['demo', 'acme']);
  });

  it('reads a measurement (A01) with everything it says', () => {
    const { deviceId, timestamp, telemetry, metadata } = read('scarnergy/measurements/x', laser);
    assert.deepEqual([deviceId, timestamp, telemetry], ['AA:BB:CC:DD:EE:FF', laser.timestamp, { value_mm: 2450 }]);
    const { sessionId, elementType, elementId, source, receivedScore, rawHex, extra } = metadata;
    assert.deepEqual(
      { sessionId, elementType, elementId, source, receivedScore, rawHex, extra },
      {
        sessionId: 'uuid-session-123',
        elementType: 'gevel',
        elementId: 'uuid-element-456',
        source: 'ble_mobile',
        receivedScore: 0.85,
        rawHex: laser.raw_hex,
        extra: undefined,
      },
    );
  });

  it('reads a status (A03); last_measurement is not its time', () => {
    const reading = read('scarnergy/status/AA:BB:CC:DD:EE:FF', {
      type: 'status',
      device_id: 'AA:BB:CC:DD:EE:FF',
      connected: true,
      rssi: -65,
      firmware: '2.1.0',
      battery_estimate: 85,
      measurements_today: 142,
      last_measurement: '2026-01-03T14:29:55.000Z',
    });
    assert.deepEqual(reading.telemetry, { connected: true, battery_estimate: 85, measurements_today: 142 });
    assert.equal(reading.timestamp, NOW_ISO);
    const { signalStrength, batteryLevel, firmware, lastMeasurement } = reading.metadata;
    assert.deepEqual(
      [signalStrength, batteryLevel, firmware, lastMeasurement],
      [-65, 85, '2.1.0', '2026-01-03T14:29:55.000Z'],
    );
  });

  it('reads a heartbeat (B07): the scanner is the device', () => {
    const reading = read('bt-mqtt/scanner/roof/status', {
      scanner_id: 'roof',
      uptime_s: 60,
      messages_sent: 7,
      devices_seen: 3,
      adapter_status: 'on',
      location: 'attic',
    });
    assert.equal(reading.deviceId, 'roof');
    assert.deepEqual(reading.telemetry, { uptime_s: 60, messages_sent: 7, devices_seen: 3, adapter_status: 'on' });
    assert.deepEqual([reading.metadata.scannerId, reading.metadata['scannerLocation']], ['roof', 'attic']);
  });

  it('reads the reading itself (C01) and takes only what a device may say of itself', () => {
    const reading = read('webscada/plant/pump-1/telemetry', {
      deviceId: 'pump-1',
      protocol: 'gsm',
      timestamp: '2026-01-03T15:59:59.123456Z',
      telemetry: { flow: 1.5, status: 'run', ok: true, broken: null, nested: { a: 1 } },
      metadata: {
        signalStrength: -71,
        batteryLevel: 90,
        location: { lat: 52.1, lon: 5.2 },
        name: 'Pump',
        firmware: 7,
        sessionId: {},
        digest: 'forged',
        orgId: 'other',
        receipt: { key: 'forged', redelivered: true },
        anomaly: { score: 1 },
      },
    });
    assert.deepEqual([reading.deviceId, reading.protocol], ['pump-1', 'gsm']);
    assert.equal(reading.timestamp, '2026-01-03T15:59:59.123456Z');
    assert.deepEqual(reading.telemetry, { flow: 1.5, status: 'run', ok: true });
    const { signalStrength, batteryLevel, location, applicationId, quality, extra, orgId, receipt, anomaly } =
      reading.metadata;
    assert.deepEqual(
      [signalStrength, batteryLevel, location, applicationId],
      [-71, 90, { lat: 52.1, lon: 5.2 }, 'plant'],
    );
    const { name, firmware } = reading.metadata;
    assert.deepEqual([name, firmware, 'sessionId' in reading.metadata], ['Pump', '7', false]);
    assert.deepEqual(Object.keys(quality ?? {}), ['broken']);
    assert.deepEqual([orgId, receipt, anomaly], [undefined, undefined, undefined]);
    assert.notEqual(reading.metadata.digest, 'forged');
    assert.deepEqual(Object.keys(extra ?? {}).sort(), ['anomaly', 'digest', 'nested', 'orgId', 'receipt']);
  });

  type Fields = { topic: string; payload: unknown; telemetry: Record<string, unknown>; device?: string };
  const fieldCases: Fields[] = [
    {
      topic: 'homelab/heatpump/hp',
      payload: { supply: 35.5, mode: 'heat', on: true },
      telemetry: { supply: 35.5, mode: 'heat', on: true },
    },
    {
      topic: 'homelab/temperature/k',
      payload: { temp: '21.5', hum: 40 },
      telemetry: { temperature: 21.5, humidity: 40 },
    },
    { topic: 'homelab/temperature/k', payload: { temperature_f: 68 }, telemetry: { temperature: 20 } },
    { topic: 'homelab/temperature/k', payload: { temperature_f: 'frost' }, telemetry: { temperature: 'frost' } },
    { topic: 'homelab/temperature/k', payload: { temp: 1, temperature: 2 }, telemetry: { temp: 1, temperature: 2 } },
    { topic: 'homelab/temperature/k', payload: '21.5', telemetry: { temperature: 21.5 } },
    { topic: 'own/thing', payload: 'true', telemetry: { value: true } },
    { topic: 'own/thing', payload: { code: '007', n: '7' }, telemetry: { code: '007', n: 7 } },
    { topic: 'own/thing', payload: { device_id: 'x', v: 1 }, telemetry: { v: 1 }, device: 'x' },
    { topic: 'own/thing', payload: { device_id: 42, v: 1 }, telemetry: { v: 1 }, device: '42' },
    { topic: 'own/thing', payload: { constructor: 1, toString: 2 }, telemetry: { constructor: 1, toString: 2 } },
  ];
  for (const { topic, payload, telemetry, device } of fieldCases)
    it(`makes metrics of ${JSON.stringify(payload)} on ${topic}`, () => {
      const reading = read(topic, payload);
      assert.deepEqual({ ...reading.telemetry }, telemetry);
      assert.equal(reading.deviceId, device ?? topic.split('/').at(-1));
    });

  it('keeps unknown and nested fields', () => {
    const { metadata } = read('homelab/energy/m', { ...meter, phase: 'L1', inner: { a: [1] } });
    assert.deepEqual(metadata.extra, { phase: 'L1', inner: { a: [1] } });
  });
});

describe('normalize: time', () => {
  const receipt = { key: 'client/7/abc', redelivered: false };
  type Time = { given: unknown; timestamp?: string; said?: string };
  const cases: Time[] = [
    { given: '2026-01-03T15:00:00+01:00', timestamp: '2026-01-03T14:00:00.000Z' },
    { given: 1767456000, timestamp: '2026-01-03T16:00:00.000Z' },
    { given: 1767456000123, timestamp: '2026-01-03T16:00:00.123Z' },
    { given: undefined },
    { given: '2031-01-01T00:00:00Z', said: '2031-01-01T00:00:00Z' },
    { given: '1970-01-01T00:00:10Z', said: '1970-01-01T00:00:10Z' },
    { given: 'yesterday', said: 'yesterday' },
    { given: { toString: 1 }, said: '{"toString":1}' },
  ];
  for (const { given, timestamp, said } of cases)
    it(`timestamp ${JSON.stringify(given)}`, () => {
      const message = raw('homelab/energy/m', { ...meter, timestamp: given }, { receipt });
      const { timestamp: got, metadata } = normalizer()(message).readings[0] as Reading;
      assert.equal(got, timestamp ?? NOW_ISO);
      assert.equal(metadata.timestampSource, timestamp === undefined ? 'gateway' : undefined);
      assert.equal(metadata.deviceTimestamp, said);
      assert.deepEqual(metadata.receipt, timestamp === undefined ? receipt : undefined);
    });
});

describe('normalize: several readings in one message', () => {
  it('gives each item its own identity and receipt, and rejects only the bad one', () => {
    const items = [{ power_kw: 1 }, 7, { power_kw: 2 }];
    const message = raw('homelab/energy/m', items, { receipt: { key: 'k', redelivered: true } });
    const { readings, rejected } = normalizer()(message);
    assert.deepEqual(
      readings.map(({ telemetry }) => telemetry['power_kw']),
      [1, 2],
    );
    assert.deepEqual(
      readings.map(({ metadata }) => metadata.digest),
      [digest('{"power_kw":1}'), digest('{"power_kw":2}')],
    );
    assert.deepEqual(
      readings.map(({ metadata }) => metadata.receipt?.key),
      ['k/0', 'k/2'],
    );
    assert.deepEqual(rejected, [{ kind: 'wrong shape', reason: 'item 2: payload: expected a JSON object, got 7' }]);
  });
});

describe('normalize: named levels, expressions, enrichment', () => {
  const table = [
    { filter: 'plant/{application}/{site}/{device}/{metric}', format: 'fields', device: '{device}' },
    { filter: 'own/{line}/#', format: 'expression', device: 'device_id | {line}' },
  ] as const;

  it('takes a level of any name for a field that nobody knows', () => {
    const table = [{ filter: '{constructor}/{device}', format: 'fields', device: '{device}' }] as const;
    const { metadata } = read('north/pump', { v: 1 }, { table });
    assert.deepEqual(metadata.extra, { constructor: 'north' });
    assert.deepEqual(
      Object.keys(metadata).filter(name => name.includes('function')),
      [],
    );
  });

  it('takes device, metric and metadata from the names of levels', () => {
    const reading = read('plant/water/north/pump-3/pressure', '4.2', { table });
    assert.deepEqual([reading.deviceId, reading.telemetry], ['pump-3', { pressure: 4.2 }]);
    assert.deepEqual([reading.metadata.applicationId, reading.metadata.extra], ['water', { site: 'north' }]);
  });

  it('adds when it was read, and from which topic (D02)', () => {
    const { metadata } = read('homelab/energy/m', meter, { enrich: { now: () => NOW + 7 } });
    assert.deepEqual(
      [metadata['processedAt'], metadata['sourceTopic']],
      ['2026-01-03T16:00:01.007Z', 'homelab/energy/m'],
    );
  });

  type Expressed = { name: string; payload: unknown; evaluate: Evaluate; devices?: readonly string[]; reason?: RegExp };
  const expressed: readonly Expressed[] = [
    {
      name: 'one reading',
      payload: { t: 215 },
      evaluate: async ({ payload }) => ({ temperature: (payload as { t: number }).t / 10 }),
      devices: ['L1'],
    },
    {
      name: 'several, each with a device',
      payload: [1, 2],
      evaluate: async ({ payload, levels, topic }) =>
        (payload as number[]).map(n => ({ device_id: `${levels['line']}-${n}`, telemetry: { v: n }, topic })),
      devices: ['L1-1', 'L1-2'],
    },
    {
      name: 'text that is no JSON',
      payload: 'T=21',
      evaluate: async ({ payload }) => ({ temperature: Number(String(payload).slice(2)) }),
      devices: ['L1'],
    },
    { name: 'nothing', payload: {}, evaluate: async () => undefined, reason: /object or several, got "nothing"/ },
    { name: 'no reading', payload: {}, evaluate: async () => 5, reason: /JSON object, got 5/ },
    {
      name: 'more than anybody reads',
      payload: {},
      evaluate: async () => Array(10_001).fill({ v: 1 }),
      reason: /at most 10000 readings, got 10001/,
    },
    {
      name: 'a text without end',
      payload: {},
      evaluate: async () => ({ v: 'x'.repeat(5_000_000) }),
      reason: /at most 4194304 characters of JSON/,
    },
    { name: 'a function', payload: {}, evaluate: async () => () => 1, reason: /got "nothing"/ },
    {
      name: 'a fault',
      payload: {},
      evaluate: () => Promise.reject(new Error('no such function')),
      reason: /^expression: no such function/,
    },
  ];
  for (const { name, payload, evaluate, devices = [], reason } of expressed)
    it(`reads what an expression gives: ${name}`, async () => {
      const normalize = normalizer({ table });
      const came = raw('own/L1/x', payload);
      const payloadOut = await withComputed([came, raw('plant/a/b/c/d', '1')], '', NOW, normalize, evaluate);
      const [first, second] = payloadOut as Raw[];
      assert.ok(second !== undefined && !('computed' in second), 'other topics are left alone');
      const { readings, rejected } = normalize(first!);
      assert.deepEqual(
        readings.map(({ deviceId }) => deviceId),
        devices,
      );
      if (reason === undefined) assert.deepEqual(rejected, []);
      else assert.match(rejected[0]?.reason ?? '', reason);
      const digests = new Set(readings.map(({ metadata }) => metadata.digest));
      assert.equal(digests.size, devices.length);
      if (devices.length === 1) assert.ok(digests.has(digest(came.bytes)), 'the identity is that of the message');
    });
});
