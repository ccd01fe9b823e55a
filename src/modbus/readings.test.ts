// Polls from the socket to the reading: both maps of Nivus, bits, values that are none, and units that do not answer.
import assert from 'node:assert/strict';
import type { Reading } from '../reading/reading.ts';
import type { Health } from './health.ts';
import { findMap } from './maps.ts';
import { limits, mapOf, nivus, type PollBench, pollBench } from './poller.fixture.ts';
import { type PollerOptions, startPoller } from './poller.ts';
import { systemTiming } from './timing.ts';

describe('a poll', () => {
  let bench: PollBench;
  beforeEach(async () => {
    bench = await pollBench();
  });
  afterEach(() => bench.close());

  /** The first poll of a poller: its reading, if there was one, and the health after it. */
  const firstPoll = (more: Partial<PollerOptions> = {}) =>
    new Promise<{ reading: Reading | undefined; health: Health }>(resolve => {
      let reading: Reading | undefined;
      const poller = startPoller({
        bus: bench.bus,
        unit: 1,
        map: findMap('nivus-float32', undefined),
        deviceId: 'meter-1',
        periodMs: 60_000,
        limits,
        timing: systemTiming,
        onReading: it => (reading = it),
        onPoll(health) {
          poller.stop();
          resolve({ reading, health });
        },
        ...more,
      });
    });

  it('gives the reading of seed 004 in one request', async () => {
    const { reading, health } = await firstPoll();
    assert.ok(reading);
    assert.deepEqual(bench.asked, ['holding 0+11']);
    const { timestamp, metadata, ...rest } = reading;
    assert.deepEqual(rest, {
      deviceId: 'meter-1',
      protocol: 'modbus',
      telemetry: { flow_rate: 12.5, totalizer: 1234.5, temperature: 18.25, status: 7 },
    });
    assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(metadata.receivedAt, Date.parse(timestamp));
    assert.deepEqual(metadata.raw, {
      topic: 'modbus/line-1/1/nivus-float32',
      hex: '41480000449a5000419200000000000000000000' + '0007',
    });
    assert.equal(metadata.parser, 'nivus-float32');
    assert.equal(metadata.scannerId, 'line-1');
    assert.equal(metadata.quality, undefined);
    assert.match(metadata.digest ?? '', /^[0-9a-f]{32}$/);
    assert.equal(health.state, 'ok');
  });

  it('two polls with equal values are two rows', async () => {
    const timing = { ...systemTiming, clock: { ...systemTiming.clock, now: () => 1e12 } };
    const later = { ...systemTiming, clock: { ...systemTiming.clock, now: () => 1e12 + 1 } };
    const [a, b] = [(await firstPoll({ timing })).reading, (await firstPoll({ timing: later })).reading];
    assert.deepEqual(a?.telemetry, b?.telemetry);
    assert.notEqual(a?.timestamp, b?.timestamp);
    assert.notEqual(a?.metadata.digest, b?.metadata.digest);
  });

  it('reads the scaled input registers of the NivuSonic', async () => {
    bench.simulator.units.set(3, (table, address) =>
      table === 'input' ? ([215, 1250, 0xfff6, 1234, 0xfe0c, 17][address] ?? 0) : undefined,
    );
    const { reading } = await firstPoll({ unit: 3, map: findMap('nivusonic-input', undefined) });
    assert.equal(reading?.telemetry['flow_rate'], 0.215);
    assert.equal(reading?.telemetry['velocity'], -0.01);
    assert.equal(reading?.telemetry['air_temperature'], -5);
    assert.equal(reading?.telemetry['flow_rate_status'], true);
    assert.equal(reading?.telemetry['level_status'], false);
    assert.deepEqual(bench.asked, ['input 0+6', 'input 23+4']);
  });

  it('leaves out what is not a number, with the reason', async () => {
    bench.simulator.units.set(1, (_, address) =>
      address === 4 ? 0x7fc0 : address === 5 ? 0 : nivus('holding', address),
    );
    const { reading, health } = await firstPoll();
    assert.deepEqual(reading?.telemetry, { flow_rate: 12.5, totalizer: 1234.5, status: 7 });
    assert.deepEqual(reading?.metadata.quality, { temperature: 'not a number' });
    assert.equal(health.state, 'ok');
  });

  it('sends nothing of a unit that answers and has no value', async () => {
    const registers = [{ metric: 'power', address: 0, type: 'int16', notImplemented: '0000' }];
    const { reading, health } = await firstPoll({ unit: 2, map: mapOf(registers) });
    assert.equal(reading, undefined);
    assert.equal(health.lastReadingAt, undefined, 'the age is that of the last value');
    assert.deepEqual([health.state, health.absent], ['ok', { power: 'not implemented by the device (0000)' }]);
  });

  it('reads bits', async () => {
    const map = mapOf([
      { metric: 'pump', address: 3, table: 'coil' },
      { metric: 'door', address: 17, table: 'coil' },
      { metric: 'alarm', address: 0, table: 'discrete' },
    ]);
    bench.simulator.units.set(4, (table, address) => (table === 'coil' && address === 17 ? 1 : 0));
    const { reading } = await firstPoll({ unit: 4, map });
    assert.deepEqual(reading?.telemetry, { pump: false, door: true, alarm: false });
    assert.deepEqual(bench.asked, ['coil 3+15', 'discrete 0+1']);
  });

  it('no answer: no reading, and the reason', async () => {
    await bench.hurry(100);
    bench.behave(() => ({ kind: 'silence' }));
    const { reading, health } = await firstPoll();
    assert.equal(reading, undefined);
    assert.equal(health.state, 'failing');
    assert.equal(health.faults[0]?.trouble, 'timeout');
  });

  it('a table that the unit does not have leaves the others alone', async () => {
    const map = mapOf([
      { metric: 'a', address: 1, type: 'uint16' },
      { metric: 'b', address: 2, type: 'uint16', table: 'input' },
    ]);
    bench.behave(({ table }) => (table === 'holding' ? { kind: 'exception', code: 1 } : undefined));
    const { reading, health } = await firstPoll({ map, unit: 2 });
    assert.deepEqual(reading?.telemetry, { b: 2 });
    assert.deepEqual(reading?.metadata.quality, { a: 'exception 01 illegal function' });
    assert.equal(health.state, 'partial');
  });
});
