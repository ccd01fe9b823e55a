// What a unit refuses: requests that are divided, holes that are learnt and asked for again, and a rest that is left out.
import assert from 'node:assert/strict';
import type { RegisterMap } from './map.ts';
import { findMap } from './maps.ts';
import type { Misbehaviour } from './misbehaviour.ts';
import { limits, mapOf, type PollBench, pollBench } from './poller.fixture.ts';
import { DIVIDED_MS, REFUSED_MS, registerReader } from './reader.ts';
import type { Simulator } from './simulator.ts';
import { fakeTiming } from './timing.fixture.ts';
import { systemTiming } from './timing.ts';

const words = (n: number) =>
  mapOf(Array.from({ length: n }, (_, at) => ({ metric: `m${at}`, address: at, type: 'uint16' })));

describe('a reader', () => {
  let bench: PollBench;
  beforeEach(async () => {
    bench = await pollBench();
  });
  afterEach(() => bench.close());

  const refuse =
    (addresses: number[], code = 2): Simulator['misbehave'] =>
    ({ address, count }): Misbehaviour | undefined =>
      addresses.some(hole => hole >= address && hole < address + count) ? { kind: 'exception', code } : undefined;
  const readerOf = (map: RegisterMap, unit = 1, timing = systemTiming) =>
    registerReader({ bus: bench.bus, unit, fields: map.fields, limits, timing });

  it('a device that refuses the gap is asked without it, and that is remembered', async () => {
    bench.behave(refuse([7]));
    const reader = readerOf(findMap('nivus-float32', undefined));
    const poll = await reader.poll();
    assert.deepEqual(poll.telemetry, { flow_rate: 12.5, totalizer: 1234.5, temperature: 18.25, status: 7 });
    assert.deepEqual(poll.faults, []);
    assert.deepEqual(bench.asked.splice(0), ['holding 0+11', 'holding 0+6', 'holding 10+1']);
    await reader.poll();
    assert.deepEqual(bench.asked, ['holding 0+6', 'holding 10+1']);
  });

  it('what was divided is put together again after a while: the unit may just have started up', async () => {
    const timing = fakeTiming();
    let refusals = 1;
    bench.behave(() => (refusals-- > 0 ? { kind: 'exception', code: 2 } : undefined));
    const reader = readerOf(words(8), 2, { clock: timing.clock, after: systemTiming.after });
    const polled = async () => {
      bench.asked.length = 0;
      assert.equal(Object.keys((await reader.poll()).telemetry).length, 8);
      return bench.asked.join();
    };
    assert.equal(await polled(), 'holding 0+8,holding 0+4,holding 4+4');
    timing.clock.advance(DIVIDED_MS - 1);
    assert.equal(await polled(), 'holding 0+4,holding 4+4');
    timing.clock.advance(1);
    assert.equal(await polled(), 'holding 0+8');
    assert.equal(await polled(), 'holding 0+8');
    // Where it is the unit's nature, it is found out again, and no more than that.
    bench.behave(({ count }) => (count > 4 ? { kind: 'exception', code: 2 } : undefined));
    await polled();
    assert.equal(await polled(), 'holding 0+4,holding 4+4');
  });

  it('a device that takes few registers at once is found out', async () => {
    bench.behave(({ count }) => (count > 10 ? { kind: 'exception', code: 3 } : undefined));
    const reader = readerOf(words(40), 2);
    const poll = await reader.poll();
    assert.deepEqual(
      Object.values(poll.telemetry),
      Array.from({ length: 40 }, (_, n) => n),
    );
    bench.asked.length = 0;
    await reader.poll();
    assert.deepEqual(bench.asked, ['holding 0+10', 'holding 10+10', 'holding 20+10', 'holding 30+10']);
  });

  it('a register that does not exist costs only itself, is not hammered, and is asked again later', async () => {
    const timing = fakeTiming();
    bench.behave(refuse([5]));
    const reader = readerOf(words(8), 2, { clock: timing.clock, after: systemTiming.after });
    const poll = await reader.poll();
    assert.deepEqual(Object.keys(poll.telemetry), ['m0', 'm1', 'm2', 'm3', 'm4', 'm6', 'm7']);
    assert.deepEqual(poll.quality, { m5: 'exception 02 illegal data address' });
    assert.equal(poll.faults.length, 1);
    assert.equal(poll.faults[0]?.exception, 2);
    bench.asked.length = 0;
    const again = await reader.poll();
    assert.ok(!bench.asked.some(request => request.startsWith('holding 5+')), bench.asked.join());
    assert.deepEqual(again.quality, poll.quality);
    timing.clock.advance(REFUSED_MS);
    bench.asked.length = 0;
    await reader.poll();
    assert.ok(bench.asked.includes('holding 5+1'));
    // The unit has its register again: one request is enough once more.
    bench.behave(() => undefined);
    timing.clock.advance(REFUSED_MS);
    assert.deepEqual((await reader.poll()).quality, {});
    bench.asked.length = 0;
    await reader.poll();
    assert.deepEqual(bench.asked, ['holding 0+8']);
  });

  for (const code of [4, 5, 6])
    it(`exception ${code} costs its group one poll only`, async () => {
      let first = true;
      const map = mapOf([
        { metric: 'a', address: 0, type: 'uint16' },
        { metric: 'b', address: 100, type: 'uint16' },
      ]);
      bench.behave(({ address }) => {
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
    await bench.hurry(200);
    bench.behave(({ address }) => (address === 200 ? { kind: 'silence' } : undefined));
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
    await bench.hurry(40);
    let n = 0;
    bench.behave(() => (n++ % 2 === 0 ? faults[(n >> 1) % faults.length] : undefined));
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
        registerReader({
          bus: bench.bus,
          unit: 1,
          fields: map.fields,
          limits: { ...limits, maxWords: 2 },
          timing: systemTiming,
        }),
      /big: expected at most 2 registers a request, got 4/,
    );
  });
});
