// The demo instruments: real answers on a socket for both shipped maps, with a totalizer that is the integral of the flow.
import assert from 'node:assert/strict';
import { busTo } from './bus.fixture.ts';
import { demoFlow, demoTotal, demoUnits, startDemoInstruments } from './demo.ts';
import { findMap } from './maps.ts';
import { registerReader } from './reader.ts';
import { systemTiming } from './timing.ts';
import { fakeClock } from '../kernel/clock.ts';

describe('demo instruments', () => {
  it('answer both shipped maps with all their metrics', async () => {
    const clock = fakeClock();
    const seconds = clock.now() / 1000;
    const instruments = await startDemoInstruments(0, clock);
    const bus = busTo(instruments, 500);
    const poll = (unit: number, map: string) =>
      registerReader({
        bus,
        unit,
        fields: findMap(map, undefined).fields,
        limits: { maxWords: 125, maxBits: 2000, gapBudget: 16 },
        timing: systemTiming,
      }).poll();
    const one = await poll(demoUnits.nivusFloat32, 'nivus-float32');
    assert.deepEqual(one.quality, {});
    assert.equal(one.telemetry['flow_rate'], Math.fround(demoFlow(seconds)));
    assert.equal(one.telemetry['totalizer'], Math.fround(demoTotal(seconds)));
    assert.equal(one.telemetry['status'], 1);
    const two = await poll(demoUnits.nivusonicInput, 'nivusonic-input');
    assert.deepEqual(two.quality, {});
    assert.ok(Math.abs(Number(two.telemetry['flow_rate']) - demoFlow(seconds) / 3600) < 0.001);
    await bus.close();
    await instruments.close();
  });

  it('totals what flows', () => {
    const start = Date.UTC(2026, 0, 1) / 1000;
    let sum = 0;
    for (let at = 0; at < 3600; at += 0.25) sum += (demoFlow(start + at) * 0.25) / 3600;
    assert.ok(Math.abs(demoTotal(start + 3600) - demoTotal(start) - sum) < 0.05, `${sum}`);
  });

  it('surges for eight seconds every ten minutes, else stays between 25 and 60 m³/h', () => {
    const start = Date.UTC(2026, 0, 1) / 1000;
    for (let at = 0; at < 86_400; at += 7) {
      const flow = demoFlow(start + at);
      const surge = (start + at) % 600 < 8;
      assert.ok(surge ? flow > 70 : flow > 25 && flow < 60, `${at}: ${flow}`);
    }
  });
});
