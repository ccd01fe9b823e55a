// Readings that nobody heard: whoever comes later sees the same as if each had been told at once, and learns that there is a gap.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Reading } from '../reading/reading.ts';
import { channelNamed } from './channels.ts';
import { noFilter } from './filter.ts';
import { createHub, type Hub } from './hub.ts';
import { laser } from './live.fixture.ts';
import { systemRow } from './publication.ts';
import { ofChannel, ofTable, type Selection } from './selection.ts';
import { unheardReadings } from './unheard.ts';

const channels = ['measurement-stream', 'flow_data_changes', 'device-status', 'application:plant', 'alarms', 'system'];
const everything: readonly Selection[] = [
  ...channels.map(name => ofChannel(channelNamed(name)!, noFilter, undefined)),
  ofChannel(channelNamed('device-status')!, noFilter, 'acme'),
  ...(['sensor_readings', 'energy_readings'] as const).map(table =>
    ofTable(table, [{ event: '*', filter: noFilter }], undefined),
  ),
];

/** What each selection shows, in no order: rows of one thing are few, and which of two things came first is no matter. */
function shown(hub: Hub): unknown {
  return everything.map(selection =>
    hub
      .look(selection)
      .snapshot()
      .map(({ row: { key, data, orgId, applicationId } }) => [key, JSON.stringify(data), orgId, applicationId])
      .sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
  );
}

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const times = fc.integer({ min: 0, max: 9 }).map(n => Date.UTC(2026, 0, 1) + n * 1000);
const text = fc.oneof({ weight: 9, arbitrary: fc.constantFrom('a', 'b') }, fc.constant('x'.repeat(20_000)));
const telemetry = fc.oneof(
  fc.record({ value_mm: fc.integer() }),
  fc.record({ power_kw: fc.integer(), voltage: fc.integer() }, { requiredKeys: ['power_kw'] }),
  fc.record({ flow_rate: fc.integer(), status: text }, { requiredKeys: ['flow_rate'] }),
  fc.record(
    { temperature: fc.integer(), state: text, connected: fc.boolean(), battery: fc.nat(100), constructor: fc.nat() },
    { requiredKeys: [] },
  ),
);
const readings: fc.Arbitrary<Reading> = fc
  .record({
    deviceId: fc.constantFrom('D1', 'D2', 'D3'),
    at: times,
    telemetry,
    metadata: fc.record({
      receivedAt: maybe(times),
      orgId: maybe(fc.constantFrom('acme', 'other')),
      applicationId: maybe(fc.constantFrom('plant', 'yard')),
      signalStrength: maybe(fc.integer({ min: -100, max: 0 })),
      firmware: maybe(fc.constantFrom('1.0', '2.0')),
      sessionId: maybe(text),
      receivedScore: maybe(fc.constantFrom(1, -1)),
      quality: maybe(fc.constantFrom({ humidity: 'not a number' }, { temperature: 'out of range' })),
      lastMeasurement: maybe(fc.constant('2026-01-01T00:00:00.000Z')),
    }),
  })
  .map(({ deviceId, at, telemetry, metadata }) => ({
    ...{ deviceId, protocol: 'mqtt', timestamp: new Date(at).toISOString(), telemetry },
    metadata: Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined)),
  }));

describe('live readings that nobody heard', () => {
  it('show afterwards what they would have shown at once', () => {
    fc.assert(
      fc.property(fc.array(fc.array(readings, { minLength: 1, maxLength: 5 }), { maxLength: 12 }), batches => {
        const [told, unheard] = [createHub(), createHub()];
        told.look(everything[0]!);
        const now = new Date(Date.UTC(2026, 0, 1));
        for (const [at, batch] of batches.entries())
          for (const hub of [told, unheard]) {
            hub.publish(batch);
            if (at % 5 === 4) hub.publishRows([systemRow('database_away', 'gone', now)]);
          }
        assert.deepEqual(shown(unheard), shown(told));
        for (const hub of [told, unheard]) hub.close();
      }),
      { numRuns: 300 },
    );
  });

  it('are no gap that goes unnoticed, also not for a successor', () => {
    const hub = createHub();
    hub.publish([laser(1), laser(2)]);
    const [selection] = everything;
    const successor = createHub({ position: hub.position });
    for (const one of [hub, successor]) {
      const { offset } = one.look(selection!);
      assert.ok(offset > 0);
      assert.equal(one.look(selection!).since(0), undefined);
      assert.deepEqual(one.look(selection!).since(offset), []);
      one.close();
    }
  });

  it('are not told to who comes afterwards, but in the snapshot', () => {
    const hub = createHub();
    hub.publish([laser(1)]);
    const got: unknown[] = [];
    const subscription = hub.subscribe(everything[0]!, ({ entries }) => got.push(...entries));
    hub.flush();
    assert.deepEqual(got, []);
    const [entry] = subscription.snapshot();
    assert.equal(entry!.row.data['value_mm'], 1);
    assert.ok(entry!.offset <= subscription.offset);
    hub.close();
  });

  it('are told at once where somebody may change them', () => {
    const hub = createHub();
    const reading = laser(1);
    hub.publish([reading], false);
    reading.telemetry['value_mm'] = 2;
    assert.equal(hub.look(everything[0]!).snapshot()[0]!.row.data['value_mm'], 1);
    hub.close();
  });

  it('wait one for each thing, and for so many devices', () => {
    const unheard = unheardReadings();
    for (let at = 0; at < 100; at++) assert.equal(unheard.add(laser(at)), true);
    assert.deepEqual(unheard.take(), [laser(99)]);
    assert.deepEqual(unheard.take(), []);
    let devices = 0;
    while (unheard.add(laser(1, {}, `D${devices}`))) devices++;
    assert.equal(devices, 5000);
    assert.equal(unheard.size, 5000);
  });
});

describe('live status of a device whose id another organisation uses', () => {
  for (const settled of [false, true])
    it(`stays with the organisation that was first, ${settled ? 'unheard' : 'told at once'}`, () => {
      const hub = createHub({ batchMs: 60_000 });
      const of = (second: number, metadata: Reading['metadata']): Reading => ({
        ...laser(second),
        metadata,
      });
      hub.publish([of(1, { orgId: 'A', firmware: '2.1', signalStrength: -60 })], settled);
      hub.publish([of(2, { orgId: 'B' })], settled);
      hub.publish([of(3, { orgId: 'A' })], settled);
      hub.publish([of(4, { orgId: 'B' })], settled);
      const shown = (org: string) =>
        hub
          .look(ofChannel(channelNamed('device-status')!, noFilter, org))
          .snapshot()
          .map(({ row }) => row.data['firmware']);
      assert.deepEqual([shown('A'), shown('B')], [['2.1'], []]);
      hub.close();
    });
});
