// The timetable on a clock that stands still until it is moved.
import assert from 'node:assert/strict';
import { schedule } from './schedule.ts';
import { fakeTiming } from './timing.fixture.ts';

describe('schedule', () => {
  const period = 100;
  const run = (work: () => Promise<void> = async () => {}) => {
    const timing = fakeTiming();
    const times: number[] = [];
    let overruns = 0;
    const plan = schedule(
      period,
      () => {
        times.push(timing.clock.steady());
        return work();
      },
      slots => (overruns += slots),
      timing,
    );
    return { timing, times, plan, overruns: () => overruns };
  };

  it('polls at once and then at every period, without drift', async () => {
    const { timing, times, overruns } = run();
    await timing.advance(990, 7);
    assert.deepEqual(times, [0, 105, 203, 301, 406, 504, 602, 700, 805, 903]);
    assert.equal(overruns(), 0);
  });

  it('does not drift when timers fire late', async () => {
    const { timing, times } = run();
    await timing.advance(99_990, 33);
    assert.equal(times.length, 1000);
    for (const [n, at] of times.entries()) assert.ok(at >= n * period && at < n * period + 33, `${n}: ${at}`);
  });

  it('does not run before its time when a timer fires early', async () => {
    const { timing, times } = run();
    timing.early = 0.4;
    await timing.advance(490, 0.25);
    assert.deepEqual(times, [0, 100, 200, 300, 400]);
  });

  it('leaves out slots while a poll is out, counts them, and keeps the times of the others', async () => {
    const { timing, times, overruns } = run(() => new Promise(resolve => timing.after(250, resolve)));
    await timing.advance(990, 5);
    assert.deepEqual(times, [0, 300, 600, 900]);
    assert.equal(overruns(), 6);
  });

  it('makes up for nothing after the process was held up', async () => {
    const { timing, times, overruns } = run();
    await timing.advance(100, 5);
    timing.hold(10_030);
    await timing.advance(200, 5);
    assert.deepEqual(times, [0, 100, 10_130, 10_200, 10_300]);
    assert.equal(overruns(), 99);
  });

  it('does not care about the wall clock', async () => {
    const { timing, times } = run();
    timing.clock.step(-3_600_000);
    await timing.advance(200, 10);
    timing.clock.step(7_200_000);
    await timing.advance(200, 10);
    assert.equal(times.length, 5);
  });

  it('ends', async () => {
    const { timing, times, plan } = run();
    await timing.advance(150, 10);
    plan.stop();
    await timing.advance(1000, 10);
    assert.equal(times.length, 2);
    assert.equal(timing.waiting, 0);
  });
});
