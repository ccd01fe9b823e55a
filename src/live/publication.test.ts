// Readings as live messages: the exact messages of the seeds, and which channels carry them.
import assert from 'node:assert/strict';
import type { Reading } from '../reading/reading.ts';
import { channelNamed, channelsOf } from './channels.ts';
import { rowsOf, statusKey, statusRowOf } from './publication.ts';

const laser: Reading = {
  deviceId: 'AA:BB:CC:DD:EE:FF',
  protocol: 'bluetooth',
  timestamp: '2026-02-11T14:30:00.000Z',
  telemetry: { value_mm: 2450 },
  metadata: {
    rawHex: 'c0551006000001cdcc1c400000000000000000dc',
    sessionId: 'uuid-session-123',
    elementType: 'gevel',
    elementId: 'uuid-element-456',
    source: 'ble_mobile',
    receivedScore: 0.85,
    anomaly: { score: -0.5, metric: 'value_mm', kind: 'spike' },
    applicationId: 'app-1',
    orgId: 'org-1',
    signalStrength: -65,
    digest: 'never shown',
  },
};
const beacon: Reading = {
  deviceId: 'C4:7C:8D:00:00:01',
  protocol: 'bluetooth',
  timestamp: '2026-02-11T14:30:00.123456Z',
  telemetry: { temperature: 21.5, window: true, state: 'open' },
  metadata: { scannerId: 'pi-1', quality: { humidity: 'not a number' } },
};

describe('live publication', () => {
  it('gives the measurement message of seed 000 exactly, its own score first', () => {
    const [row] = rowsOf(laser);
    assert.equal(
      JSON.stringify(row?.data),
      JSON.stringify({
        type: 'measurement',
        value_mm: 2450,
        raw_hex: 'c0551006000001cdcc1c400000000000000000dc',
        device_id: 'AA:BB:CC:DD:EE:FF',
        session_id: 'uuid-session-123',
        element_type: 'gevel',
        element_id: 'uuid-element-456',
        source: 'ble_mobile',
        anomaly_score: 0.85,
        timestamp: '2026-02-11T14:30:00.000Z',
      }),
    );
  });

  it('shows what a measurement lacks as null', () => {
    const [row] = rowsOf({ ...laser, metadata: {} });
    assert.equal(row?.data['session_id'], null);
    assert.equal(row?.data['anomaly_score'], null);
    assert.equal(Object.keys(row?.data ?? {}).length, 10);
  });

  it('gives the columns of energy and flow rows', () => {
    const energy = rowsOf({
      ...beacon,
      telemetry: { total_energy_kwh: 1234.5, power_kw: 2.75, voltage: 231 },
      metadata: { anomaly: { score: -0.2, metric: 'power_kw', kind: 'level' } },
    });
    assert.deepEqual(
      energy.map(row => row.data),
      [
        {
          type: 'energy_reading',
          timestamp: beacon.timestamp,
          device_id: beacon.deviceId,
          total_energy_kwh: 1234.5,
          power_kw: 2.75,
          voltage: 231,
          current: null,
          anomaly_score: -0.2,
        },
      ],
    );
    const flow = rowsOf({ ...beacon, telemetry: { flow_rate: 12.5, totalizer: 100, temperature: 18, status: 0 } });
    assert.deepEqual(flow[0]?.data, {
      type: 'flow_data',
      device_id: beacon.deviceId,
      created_at: beacon.timestamp,
      flow_rate: 12.5,
      totalizer: 100,
      temperature: 18,
      status: '0',
      anomaly_score: null,
    });
  });

  it('gives one message for each metric in sensor_readings', () => {
    const telemetry = { ...beacon.telemetry, constructor: 1 };
    const rows = rowsOf({ ...beacon, telemetry }).map(row => row.data);
    assert.deepEqual(
      rows.map(({ metric, value, value_text, quality }) => [metric, value, value_text, quality]),
      [
        ['temperature', 21.5, null, null],
        ['window', 1, 'true', null],
        ['state', null, 'open', null],
        ['constructor', 1, null, null],
        ['humidity', null, null, 'not a number'],
      ],
    );
    assert.deepEqual(Object.keys(rows[0]!), [
      'type',
      'device_id',
      'scanner_id',
      'protocol',
      'timestamp',
      'metric',
      'value',
      'value_text',
      'quality',
      'anomaly_score',
    ]);
  });

  it('tells the status of a device as seed 000 does, and remembers what it was told before', () => {
    const row = statusRowOf(laser, undefined);
    assert.deepEqual(row.data, {
      type: 'status',
      device_id: 'AA:BB:CC:DD:EE:FF',
      connected: null,
      rssi: -65,
      firmware: null,
      battery_estimate: null,
      measurements_today: null,
      last_measurement: '2026-02-11T14:30:00.000Z',
    });
    assert.deepEqual([row.key, row.event], [statusKey(laser.deviceId), 'UPDATE']);
    assert.deepEqual(channelsOf(row), ['device-status']);
    const status: Reading = {
      ...beacon,
      telemetry: { connected: false, measurements_today: 142 },
      metadata: { batteryLevel: 85, firmware: '2.1.0', lastMeasurement: '2026-02-11T14:29:55.000Z' },
    };
    const heard = statusRowOf(
      { ...laser, metadata: { receivedAt: 1000 } },
      { ...row, orgId: 'acme', applicationId: 'p' },
    );
    assert.deepEqual([heard.time, heard.orgId, heard.applicationId], ['1970-01-01T00:00:01.000Z', 'acme', 'p']);
    const told = [false, -65, '2.1.0', 85, 142, '2026-02-11T14:29:55.000Z'];
    const known = statusRowOf(status, row);
    assert.deepEqual(Object.values(known.data).slice(2), told);
    const odd: Reading = {
      ...beacon,
      telemetry: { connected: 'yes', measurements_today: 'many', battery: true },
      metadata: {},
    };
    const after = statusRowOf(odd, known);
    assert.deepEqual(Object.values(after.data).slice(2), [false, -65, '2.1.0', 85, 142, told[5]], 'what is not stored');
  });
});

describe('live channels', () => {
  const carried: [what: string, reading: Reading, topics: string[]][] = [
    ['a measurement', laser, ['measurement-stream', 'device:AA:BB:CC:DD:EE:FF', 'application:app-1']],
    [
      'an anomalous measurement',
      { ...laser, metadata: { anomaly: { score: -0.1, metric: 'value_mm', kind: 'spike' } } },
      ['measurement-stream', 'device:AA:BB:CC:DD:EE:FF', 'anomaly-alerts', 'alarms'],
    ],
    [
      'a score of zero',
      { ...laser, metadata: { receivedScore: 0 } },
      ['measurement-stream', 'device:AA:BB:CC:DD:EE:FF'],
    ],
    [
      'an anomalous flow row',
      { ...laser, deviceId: 'FM-1', telemetry: { flow_rate: 1 }, metadata: { receivedScore: -1 } },
      ['flow_data_changes', 'device:FM-1', 'alarms'],
    ],
    ['an energy row', { ...laser, deviceId: 'em', telemetry: { power_kw: 1 }, metadata: {} }, ['device:em']],
  ];
  for (const [what, reading, topics] of carried)
    it(`${what} is in ${topics.join(', ')}`, () => {
      const [row] = rowsOf(reading);
      assert.deepEqual(channelsOf(row!), topics);
      for (const topic of topics) assert.equal(channelNamed(topic)?.carries(row!), true, topic);
      assert.equal(channelNamed('device:someone-else')?.carries(row!), false);
    });

  const known = [
    'alarms',
    'system',
    'inspection-events',
    'alerts_changes',
    'device:1',
    'application:a:b',
    'device:+49 160',
  ];
  for (const name of known) it(`knows ${name}`, () => assert.equal(channelNamed(name)?.name, name));
  const unknown = [
    '',
    'device:',
    'application:',
    'device:*',
    'device:a*',
    'device:#',
    'Device:1',
    'devices',
    'toString',
  ];
  for (const name of [...unknown, `device:${'x'.repeat(201)}`, 'measurement-stream '])
    it(`does not know ${JSON.stringify(name.slice(0, 30))}`, () => assert.equal(channelNamed(name), undefined));

  it('lets filters name org_id, which the messages do not show', () => {
    assert.equal(channelNamed('device-status')?.columns['org_id'], 'text');
    assert.equal('org_id' in rowsOf(laser)[0]!.data, false);
  });
});
