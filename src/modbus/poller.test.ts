// Polls from the socket to the reading: both shipped maps, refusals that are split and remembered, values that are none.
import assert from 'node:assert/strict';
import { type Bus, openBus } from './bus.ts';
import { ModbusFault } from './fault.ts';
import { parseMap, type RegisterMap } from './map.ts';
import { findMap } from './maps.ts';
import type { Reading } from '../reading/reading.ts';
import type { Health } from './health.ts';
import { type PollerOptions, startPoller } from './poller.ts';
import { REFUSED_MS, registerReader } from './reader.ts';
import type { Misbehaviour } from './misbehaviour.ts';
import type { Unit } from './simulated-unit.ts';
import { type Simulator, startSimulator } from './simulator.ts';
import { tcpConnector } from './tcp.ts';
import { fakeTiming } from './timing.fixture.ts';
import { systemTiming } from './timing.ts';

const limits = { maxWords: 125, maxBits: 2000, gapBudget: 16 };
const mapOf = (registers: object[], more: object = {}): RegisterMap =>
  parseMap(JSON.stringify({ name: 'test', table: 'holding', ...more, registers }), 'test.json');
const words = (n: number) =>
  mapOf(Array.from({ length: n }, (_, at) => ({ metric: `m${at}`, address: at, type: 'uint16' })));

describe('a poll', () => {
  let simulator: Simulator;
  let bus: Bus;
  let asked: string[];
  const nivus: Unit = (table, address) => {
    const memory = Buffer.alloc(32);
    memory.writeFloatBE(12.5, 0);
    memory.writeFloatBE(1234.5, 4);
    memory.writeFloatBE(18.25, 8);
    memory.writeUInt16BE(7, 20);
    return table === 'holding' && address < 16 ? memory.readUInt16BE(address * 2) : undefined;
  };
  const identity: Unit = (_, address) => address;

  const connectBus = (timeoutMs: number) =>
    openBus({
      name: 'line-1',
      connect: tcpConnector({ host: simulator.host, port: simulator.port, connectTimeoutMs: 5000 }),
      timeoutMs,
      parallel: 4,
      quarantine: { after: 100, probeMs: 1 },
      timing: systemTiming,
      random: () => 0,
    });
  /** For the tests in which an answer does not come. */
  const hurry = async (timeoutMs: number) => {
    await bus.close();
    bus = connectBus(timeoutMs);
  };

  beforeEach(async () => {
    asked = [];
    simulator = await startSimulator({
      units: [
        [1, nivus],
        [2, identity],
      ],
    });
    bus = connectBus(10_000);
    behave(() => undefined);
  });
  afterEach(async () => {
    await bus.close();
    await simulator.close();
  });

  const behave = (how: Simulator['misbehave']) => {
    simulator.misbehave = request => {
      asked.push(`${request.table} ${request.address}+${request.count}`);
      return how(request);
    };
  };
  const refuse =
    (addresses: number[], code = 2): Simulator['misbehave'] =>
    ({ address, count }): Misbehaviour | undefined =>
      addresses.some(hole => hole >= address && hole < address + count) ? { kind: 'exception', code } : undefined;
  const readerOf = (map: RegisterMap, unit = 1, timing = systemTiming) =>
    registerReader({ bus, unit, fields: map.fields, limits, timing });
  /** The first poll of a poller: its reading, if there was one, and the health after it. */
  const firstPoll = (more: Partial<PollerOptions> = {}) =>
    new Promise<{ reading: Reading | undefined; health: Health }>(resolve => {
      let reading: Reading | undefined;
      const poller = startPoller({
        bus,
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
    assert.deepEqual(asked, ['holding 0+11']);
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
    simulator.units.set(3, (table, address) =>
      table === 'input' ? ([215, 1250, 0xfff6, 1234, 0xfe0c, 17][address] ?? 0) : undefined,
    );
    const { reading } = await firstPoll({ unit: 3, map: findMap('nivusonic-input', undefined) });
    assert.equal(reading?.telemetry['flow_rate'], 0.215);
    assert.equal(reading?.telemetry['velocity'], -0.01);
    assert.equal(reading?.telemetry['air_temperature'], -5);
    assert.equal(reading?.telemetry['flow_rate_status'], true);
    assert.equal(reading?.telemetry['level_status'], false);
    assert.deepEqual(asked, ['input 0+6', 'input 23+4']);
  });

  it('leaves out what is not a number, with the reason', async () => {
    simulator.units.set(1, (_, address) => (address === 4 ? 0x7fc0 : address === 5 ? 0 : nivus('holding', address)));
    const { reading, health } = await firstPoll();
    assert.deepEqual(reading?.telemetry, { flow_rate: 12.5, totalizer: 1234.5, status: 7 });
    assert.deepEqual(reading?.metadata.quality, { temperature: 'not a number' });
    assert.equal(health.state, 'ok');
  });

  it('reads bits', async () => {
    const map = mapOf([
      { metric: 'pump', address: 3, table: 'coil' },
      { metric: 'door', address: 17, table: 'coil' },
      { metric: 'alarm', address: 0, table: 'discrete' },
    ]);
    simulator.units.set(4, (table, address) => (table === 'coil' && address === 17 ? 1 : 0));
    const { reading } = await firstPoll({ unit: 4, map });
    assert.deepEqual(reading?.telemetry, { pump: false, door: true, alarm: false });
    assert.deepEqual(asked, ['coil 3+15', 'discrete 0+1']);
  });

  it('no answer: no reading, and the reason', async () => {
    await hurry(100);
    behave(() => ({ kind: 'silence' }));
    const { reading, health } = await firstPoll();
    assert.equal(reading, undefined);
    assert.equal(health.state, 'failing');
    assert.equal(health.faults[0]?.trouble, 'timeout');
  });

  it('a device that refuses the gap is asked without it, and that is remembered', async () => {
    behave(refuse([7]));
    const reader = readerOf(findMap('nivus-float32', undefined));
    const poll = await reader.poll();
    assert.deepEqual(poll.telemetry, { flow_rate: 12.5, totalizer: 1234.5, temperature: 18.25, status: 7 });
    assert.deepEqual(poll.faults, []);
    assert.deepEqual(asked.splice(0), ['holding 0+11', 'holding 0+6', 'holding 10+1']);
    await reader.poll();
    assert.deepEqual(asked, ['holding 0+6', 'holding 10+1']);
  });

  it('a device that takes few registers at once is found out', async () => {
    behave(({ count }) => (count > 10 ? { kind: 'exception', code: 3 } : undefined));
    const reader = readerOf(words(40), 2);
    const poll = await reader.poll();
    assert.deepEqual(
      Object.values(poll.telemetry),
      Array.from({ length: 40 }, (_, n) => n),
    );
    asked.length = 0;
    await reader.poll();
    assert.deepEqual(asked, ['holding 0+10', 'holding 10+10', 'holding 20+10', 'holding 30+10']);
  });

  it('a register that does not exist costs only itself, is not hammered, and is asked again later', async () => {
    const timing = fakeTiming();
    behave(refuse([5]));
    const reader = readerOf(words(8), 2, { clock: timing.clock, after: systemTiming.after });
    const poll = await reader.poll();
    assert.deepEqual(Object.keys(poll.telemetry), ['m0', 'm1', 'm2', 'm3', 'm4', 'm6', 'm7']);
    assert.deepEqual(poll.quality, { m5: 'exception 02 illegal data address' });
    assert.equal(poll.faults.length, 1);
    assert.equal(poll.faults[0]?.exception, 2);
    asked.length = 0;
    const again = await reader.poll();
    assert.ok(!asked.some(request => request.startsWith('holding 5+')), asked.join());
    assert.deepEqual(again.quality, poll.quality);
    timing.clock.advance(REFUSED_MS);
    asked.length = 0;
    await reader.poll();
    assert.ok(asked.includes('holding 5+1'));
    // The unit has its register again: one request is enough once more.
    behave(() => undefined);
    timing.clock.advance(REFUSED_MS);
    assert.deepEqual((await reader.poll()).quality, {});
    asked.length = 0;
    await reader.poll();
    assert.deepEqual(asked, ['holding 0+8']);
  });

  it('a table that the unit does not have leaves the others alone', async () => {
    const map = mapOf([
      { metric: 'a', address: 1, type: 'uint16' },
      { metric: 'b', address: 2, type: 'uint16', table: 'input' },
    ]);
    behave(({ table }) => (table === 'holding' ? { kind: 'exception', code: 1 } : undefined));
    const { reading, health } = await firstPoll({ map, unit: 2 });
    assert.deepEqual(reading?.telemetry, { b: 2 });
    assert.deepEqual(reading?.metadata.quality, { a: 'exception 01 illegal function' });
    assert.equal(health.state, 'partial');
  });

  for (const code of [4, 5, 6])
    it(`exception ${code} costs its group one poll only`, async () => {
      let first = true;
      const map = mapOf([
        { metric: 'a', address: 0, type: 'uint16' },
        { metric: 'b', address: 100, type: 'uint16' },
      ]);
      behave(({ address }) => {
        if (address !== 0 || !first) return undefined;
        first = false;
        return { kind: 'exception', code };
      });
      const reader = readerOf(map, 2);
      assert.deepEqual((await reader.poll()).telemetry, { b: 100 });
      assert.deepEqual((await reader.poll()).telemetry, { a: 0, b: 100 });
    });

  it('after a timeout the rest of the poll is left out: it would cost its time, too', async () => {
    const map = mapOf([0, 200, 400].map(address => ({ metric: `m${address}`, address, type: 'uint16' })));
    await hurry(200);
    behave(({ address }) => (address === 200 ? { kind: 'silence' } : undefined));
    const poll = await readerOf(map, 2).poll();
    assert.deepEqual(poll.telemetry, { m0: 0 });
    assert.deepEqual(poll.quality, { m200: 'no answer', m400: 'no answer' });
    assert.equal(poll.faults.length, 1);
  });

  it('whatever goes wrong on the line, a value is right or absent', async () => {
    const faults: Misbehaviour[] = [
      { kind: 'byte-count', by: -2 },
      { kind: 'words', by: 3 },
      { kind: 'duplicate' },
      { kind: 'transaction', by: 1 },
      { kind: 'unit', id: 9 },
      { kind: 'partial', bytes: 12 },
      { kind: 'slow', ms: 130 },
      { kind: 'reset' },
      { kind: 'garbage', bytes: Buffer.from([1, 2, 3]), place: 'after' },
      { kind: 'exception', code: 6 },
    ];
    await hurry(40);
    let n = 0;
    behave(() => (n++ % 2 === 0 ? faults[(n >> 1) % faults.length] : undefined));
    const map = mapOf([0, 200, 400].map(address => ({ metric: `m${address}`, address, type: 'uint16' })));
    const reader = readerOf(map, 2);
    let right = 0;
    for (let poll = 0; poll < 20; poll++)
      for (const [metric, value] of Object.entries((await reader.poll()).telemetry)) {
        assert.equal(`m${value}`, metric);
        right++;
      }
    assert.ok(right >= 10, `${right} values`);
  });

  it('says at the start which register no request can carry', () => {
    const map = mapOf([{ metric: 'big', address: 0, type: 'float64' }]);
    assert.throws(
      () =>
        registerReader({ bus, unit: 1, fields: map.fields, limits: { ...limits, maxWords: 2 }, timing: systemTiming }),
      /big: expected at most 2 registers a request, got 4/,
    );
  });
});

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
