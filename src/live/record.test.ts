// Rows read back from the database: they tell the same as the readings they came from.
import assert from 'node:assert/strict';
import type { Reading } from '../reading/reading.ts';
import { channelsOf } from './channels.ts';
import { columnOf, rowsOf, statusRowOf } from './publication.ts';
import { rowOfRecord, timeOf } from './record.ts';

const reading: Reading = {
  deviceId: 'D1',
  protocol: 'mqtt',
  timestamp: '2026-02-11T14:30:00.120Z',
  telemetry: {},
  metadata: { orgId: 'acme', sessionId: 'S1', source: 'bridge', scannerId: 'sc', anomaly: undefined! },
};

describe('live rows of the database', () => {
  const stored: [table: Parameters<typeof rowOfRecord>[0], telemetry: Reading['telemetry'], record: object][] = [
    ['measurements', { value_mm: 2450 }, { id: 7, value_mm: 2450, session_id: 'S1', source: 'bridge' }],
    ['energy_readings', { power_kw: 1.5, current: 2 }, { power_kw: 1.5, current: 2, digest: 'd' }],
    ['sensor_readings', { temperature: 21 }, { metric: 'temperature', value: 21, protocol: 'mqtt', scanner_id: 'sc' }],
  ];
  for (const [table, telemetry, record] of stored)
    it(`${table}: the message, key and channels of the reading it came from`, () => {
      const [own] = rowsOf({ ...reading, telemetry });
      const row = rowOfRecord(table, 'INSERT', {
        ...{ device_id: 'D1', org_id: 'acme', timestamp: '2026-02-11T14:30:00.12+00:00', metadata: null },
        ...record,
      });
      assert.deepEqual(row?.data, own!.data);
      assert.deepEqual(Object.keys(row!.data), Object.keys(own!.data), 'in the same order');
      assert.deepEqual(
        [row!.key, row!.time, row!.deviceId, row!.orgId, channelsOf(row!)],
        [own!.key, own!.time, own!.deviceId, own!.orgId, channelsOf(own!)],
      );
      assert.equal(columnOf(row!, 'org_id'), 'acme');
    });

  it('flow_data: of another writer, with all columns for those who ask for columns', () => {
    const row = rowOfRecord('flow_data', 'INSERT', {
      ...{ id: 3, device_id: 'FM-1', created_at: '2026-02-11T15:30:00+01:00', flow_rate: 'NaN', status: 'OK' },
      anomaly_score: -1,
    })!;
    assert.deepEqual(
      [row.data['created_at'], row.data['flow_rate'], row.data['status']],
      ['2026-02-11T14:30:00.000Z', null, 'OK'],
    );
    assert.equal('id' in row.data, false);
    assert.equal(columnOf(row, 'id'), 3);
    assert.deepEqual(channelsOf(row), ['flow_data_changes', 'device:FM-1', 'alarms']);
    assert.deepEqual(channelsOf({ ...row, event: 'UPDATE' }), [], 'what was corrected is no new measurement');
  });

  it('devices: the status message of seed 000', () => {
    const own = statusRowOf({ ...reading, metadata: { signalStrength: -65 } }, undefined);
    const row = rowOfRecord('devices', 'UPDATE', { device_id: 'D1', rssi: -65, org_id: 'acme', status: 'online' })!;
    assert.deepEqual([row.data, row.key], [own.data, own.key]);
    assert.equal(columnOf(row, 'status'), 'online');
  });

  it('inspections and alerts: all columns, and what became of them', () => {
    const inspection = rowOfRecord('inspections', 'DELETE', { id: 'u', inspector_id: 'I1', data: { a: 1 } })!;
    assert.deepEqual(
      [inspection.data['type'], inspection.data['event'], inspection.data['data'], inspection.over],
      ['inspection', 'DELETE', { a: 1 }, true],
    );
    assert.deepEqual(channelsOf(inspection), ['inspection-events']);
    const alert = rowOfRecord('alerts', 'UPDATE', { id: 5, is_resolved: true, device_id: 'D1' })!;
    assert.equal(alert.over, true);
    assert.deepEqual(channelsOf(alert), ['alerts_changes', 'alarms']);
  });

  it('knows no row without its id', () => {
    assert.equal(rowOfRecord('measurements', 'INSERT', { value_mm: 1 }), undefined);
    assert.equal(rowOfRecord('alerts', 'INSERT', {}), undefined);
    assert.equal(rowOfRecord('system', 'INSERT', { id: 1 }), undefined);
  });

  for (const [text, expected] of [
    ['2026-02-11T14:30:00+00:00', '2026-02-11T14:30:00.000Z'],
    ['2026-02-11T14:30:00.5+00:00', '2026-02-11T14:30:00.500Z'],
    ['2026-02-11T14:30:00.123456+02:00', '2026-02-11T12:30:00.123456Z'],
    ['infinity', null],
    [null, null],
  ] as const)
    it(`reads the time ${text}`, () => assert.equal(timeOf(text), expected));
});
