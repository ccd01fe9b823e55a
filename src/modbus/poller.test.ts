// The timetable of a poll: periods kept, rounds of their own, pauses, and anything that a bus may do to it.
import assert from 'node:assert/strict';
import { carriedUnit } from '../reading/carried-unit.ts';
import type { Reading } from '../reading/reading.ts';
import { ModbusFault } from './fault.ts';
import { limits, mapOf } from './poller.fixture.ts';
import { startPoller } from './poller.ts';
import { fakeTiming } from './timing.fixture.ts';

describe('a poller', () => {
  const map = mapOf([{ metric: 'a', address: 0, type: 'uint16' }]);

  it('keeps its period, counts overruns, and one poll is out at a time', async () => {
    const timing = fakeTiming();
    const readings: Reading[] = [];
    let out = 0;
    const poller = startPoller({
      bus: {
        name: 'b',
        read: () =>
          new Promise(resolve => {
            assert.equal(++out, 1);
            timing.after(readings.length === 2 ? 250 : 20, () => {
              out--;
              resolve(new Uint8Array(2));
            });
          }),
      },
      ...{ unit: 1, map, deviceId: 'd', periodMs: 100, limits, timing },
      onReading: reading => readings.push(reading),
      onPoll: () => {},
    });
    await timing.advance(990, 5);
    poller.stop();
    const start = Date.parse(readings[0]?.timestamp ?? '') - 20;
    assert.deepEqual(
      readings.map(({ timestamp }) => Date.parse(timestamp) - start),
      [20, 120, 450, 520, 620, 720, 820, 920],
    );
    assert.equal(poller.health.overruns, 2);
    assert.equal(poller.health.polls, 8);
    assert.equal(poller.health.tookMs, 20);
    assert.ok(Math.abs(poller.health.ratePerS - 10) < 2);
  });

  it('lets the units of its map be known', async () => {
    const timing = fakeTiming();
    const readings: Reading[] = [];
    const flow = { metric: 'poller_flow', address: 0, type: 'uint16', unit: 'm³/h' } as const;
    const poller = startPoller({
      bus: { name: 'b', read: () => Promise.resolve(new Uint8Array(2)) },
      ...{ unit: 1, map: mapOf([flow]), deviceId: 'd', periodMs: 1000, limits, timing },
      onReading: reading => readings.push(reading),
      onPoll: () => {},
    });
    await timing.advance(10, 10);
    poller.stop();
    assert.equal(carriedUnit(readings[0]!, 'poller_flow'), 'm³/h');
  });

  it('reads registers with a period of their own in rounds of their own', async () => {
    const timing = fakeTiming();
    const readings: Reading[] = [];
    const fast = mapOf([
      { metric: 'a', address: 0, type: 'uint16', every: 100 },
      { metric: 'b', address: 1, type: 'uint16' },
    ]);
    const poller = startPoller({
      bus: { name: 'b', read: ({ address }) => Promise.resolve(new Uint8Array([0, address + 1])) },
      ...{ unit: 1, map: fast, deviceId: 'd', periodMs: 1000, limits, timing },
      onReading: reading => readings.push(reading),
      onPoll: () => {},
    });
    await timing.advance(1990, 10);
    poller.stop();
    const of = (metric: string) => readings.filter(({ telemetry }) => metric in telemetry);
    assert.deepEqual([of('a').length, of('b').length], [20, 2]);
    assert.deepEqual(of('b')[1]?.telemetry, { b: 2 });
    assert.equal(new Set(readings.map(({ timestamp, metadata }) => `${timestamp} ${metadata.digest}`)).size, 22);
    assert.equal(poller.health.values, 2);
    assert.equal(poller.health.polls, 22);
    assert.equal(poller.health.state, 'ok');
  });

  it('asks for no more at once than the map says the device takes', async () => {
    const timing = fakeTiming();
    const counts: number[] = [];
    const poller = startPoller({
      bus: {
        name: 'b',
        read: ({ count }) => {
          counts.push(count);
          return Promise.resolve(new Uint8Array(2 * count));
        },
      },
      ...{ unit: 1, deviceId: 'd', periodMs: 1000, limits, timing },
      map: mapOf(
        Array.from({ length: 5 }, (_, at) => ({ metric: `m${at}`, address: at, type: 'uint16' })),
        { maxWords: 2 },
      ),
      onReading: () => {},
      onPoll: () => {},
    });
    await timing.advance(10, 10);
    poller.stop();
    assert.deepEqual(counts, [2, 2, 1]);
  });

  it('rests while paused, and says nothing after it was stopped', async () => {
    const timing = fakeTiming();
    let polls = 0;
    let answer: (data: Uint8Array) => void = () => {};
    const poller = startPoller({
      bus: { name: 'b', read: () => new Promise(resolve => (answer = resolve)) },
      ...{ unit: 1, map, deviceId: 'd', periodMs: 100, limits, timing },
      onReading: () => assert.fail('after stop'),
      onPoll: () => polls++,
    });
    poller.pause();
    await timing.advance(500, 50);
    poller.resume();
    await timing.advance(100, 50);
    poller.stop();
    answer(new Uint8Array(2));
    await timing.advance(500, 50);
    assert.equal(polls, 0);
    assert.equal(timing.waiting, 0);
  });

  it('tells of each poll what it brought itself, where registers have periods of their own', async () => {
    const timing = fakeTiming();
    const told: string[] = [];
    const poller = startPoller({
      bus: {
        name: 'b',
        read: ({ address }) =>
          address === 0
            ? Promise.resolve(Buffer.from('7fc00000', 'hex'))
            : Promise.reject(new ModbusFault('timeout', '')),
      },
      ...{ unit: 1, deviceId: 'd', periodMs: 100, limits, timing },
      map: mapOf([
        { metric: 'a', address: 0, type: 'float32' },
        { metric: 'b', address: 50, type: 'uint16', every: 1000 },
      ]),
      onReading: () => {},
      onPoll: (health, polled) =>
        told.push(`${health.state}: ${polled.state}, ${polled.faults.length} faults, ${polled.unusable} unusable`),
    });
    await timing.advance(190, 10);
    poller.stop();
    assert.deepEqual(told, [
      'ok: ok, 0 faults, 1 unusable',
      'partial: failing, 1 faults, 0 unusable',
      'partial: ok, 0 faults, 1 unusable',
    ]);
  });

  it('has met a refusal once, though it is told with each poll until the unit is asked again', async () => {
    const timing = fakeTiming();
    let asked = 0;
    const told: number[][] = [];
    const poller = startPoller({
      bus: {
        name: 'b',
        read() {
          asked++;
          return Promise.reject(new ModbusFault('exception', 'exception 02', 2));
        },
      },
      ...{ unit: 1, map, deviceId: 'd', periodMs: 10_000, limits, timing },
      onReading: () => {},
      onPoll: (_, { faults, met }) => told.push([asked, faults.length, met.length]),
    });
    await timing.advance(65_000, 5000);
    poller.stop();
    assert.deepEqual(told, [[1, 1, 1], ...Array.from({ length: 5 }, () => [1, 1, 0]), [2, 1, 1]]);
  });

  it('goes on after anything a bus may reject with', async () => {
    const timing = fakeTiming();
    const faults = [new ModbusFault('timeout', 'no answer'), new Error('a surprise'), undefined];
    const states: string[] = [];
    const poller = startPoller({
      bus: {
        name: 'b',
        read: () => (faults.length > 0 ? Promise.reject(faults.shift()) : Promise.resolve(new Uint8Array(2))),
      },
      ...{ unit: 1, map, deviceId: 'd', periodMs: 100, limits, timing },
      onReading: () => {},
      onPoll: ({ state }) => states.push(state),
    });
    await timing.advance(390, 10);
    poller.stop();
    assert.deepEqual(states, ['failing', 'failing', 'failing', 'ok']);
  });
});
