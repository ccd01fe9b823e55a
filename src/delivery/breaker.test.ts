// The breaker over a scripted peer and a clock that the test moves: when it tries, when it does not, and what it shows.
import assert from 'node:assert/strict';
import { fakeClock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import { type BreakerOptions, breaker } from './breaker.ts';

const away = new Fault('FIELDLINE_DATABASE', 'database: away', { kind: 'outage' });
const wrong = new Fault('FIELDLINE_ROW', 'a bad row');
const settled = () => new Promise<void>(resolve => setImmediate(resolve));

function bench(options: BreakerOptions = {}) {
  const clock = fakeClock();
  const timers = new Set<{ due: number; run: () => void }>();
  const states: string[] = [];
  let tries = 0;
  const it = breaker({
    firstRetryMs: 100,
    lastRetryMs: 400,
    clock,
    random: () => 1,
    onChange: ({ state }) => states.push(state),
    after(ms, run) {
      const timer = { due: clock.steady() + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    ...options,
  });
  return {
    it,
    states,
    timers,
    get tries() {
      return tries;
    },
    attempt: (answer: unknown) =>
      it
        .attempt(async () => {
          tries++;
          if (answer instanceof Error) throw answer;
          return answer;
        })
        .catch((error: unknown) => error),
    async pass(ms: number) {
      clock.advance(ms);
      for (const timer of [...timers].filter(({ due }) => due <= clock.steady())) {
        timers.delete(timer);
        timer.run();
      }
      await settled();
    },
  };
}

describe('breaker', () => {
  it('lets everything through while the peer answers, with an error too', async () => {
    const { it, states, attempt } = bench();
    assert.equal(await attempt('a'), 'a');
    assert.equal(await attempt(wrong), wrong);
    await it.due();
    assert.deepEqual([it.state, states], [{ state: 'closed' }, []]);
  });

  it('opens on an outage, tries nothing until its time has come, then one probe', async () => {
    const trial = bench();
    const { it, states, attempt, pass } = trial;
    assert.equal(await attempt(away), away);
    assert.deepEqual(it.state, { state: 'open', fault: away, attempts: 1, since: 0, retryAt: 100 });
    await pass(99);
    assert.equal(await attempt('not yet'), away);
    assert.equal(trial.tries, 1);
    await pass(1);
    let answer: (value: string) => void = () => {};
    const probe = it.attempt(() => new Promise<string>(resolve => (answer = resolve)));
    assert.equal(it.state.state, 'probing');
    assert.equal(await attempt('beside the probe'), away);
    let due = false;
    const waits = it.due().then(() => (due = true));
    await settled();
    assert.equal(due, false, 'nothing is due beside the probe');
    answer('back');
    assert.equal(await probe, 'back');
    await waits;
    assert.deepEqual(states, ['open', 'probing', 'closed']);
    assert.equal(await attempt('free'), 'free');
  });

  it('waits twice as long each time, up to its cap, and from the beginning after a success', async () => {
    const { it, attempt, pass } = bench();
    for (const wait of [100, 200, 400, 400]) {
      await attempt(away);
      const due = it.due().then(() => true);
      await pass(wait - 1);
      assert.equal(await Promise.race([due, settled().then(() => false)]), false, `${wait}: too early`);
      await pass(1);
      assert.equal(await due, true);
    }
    assert.equal(it.state.state === 'open' && it.state.since, 0, 'away since the first failure');
    await attempt('back');
    await attempt(away);
    assert.equal(it.state.state === 'open' && it.state.attempts, 1);
  });

  it('spreads its attempts, so that many clients do not come back at the same moment', async () => {
    const waits = [0, 0.25, 0.999].map(jitter => {
      const trial = bench({ random: () => jitter });
      return trial.attempt(away).then(() => (trial.it.state.state === 'open' ? trial.it.state.retryAt : 0));
    });
    assert.deepEqual(await Promise.all(waits), [50, 62.5, 99.95]);
  });

  it('leaves a peer alone for as long as it asks, within reason', async () => {
    const asked = { ms: 60_000 };
    const { it, attempt, pass } = bench({ askedMs: () => asked.ms });
    await attempt(away);
    assert.equal(it.state.state === 'open' && it.state.retryAt, 60_000);
    await pass(60_000);
    asked.ms = 1e12;
    await attempt(away);
    assert.equal(it.state.state === 'open' && it.state.retryAt, 60_000 + 3_600_000);
  });

  it('takes failures that began together for one', async () => {
    const { it, attempt } = bench();
    await Promise.all([attempt(away), attempt(away), attempt(away)]);
    assert.equal(it.state.state === 'open' && it.state.attempts, 1);
  });

  it('wakes whoever waits when it is nudged, and leaves no timer', async () => {
    const trial = bench();
    const { it, attempt, timers } = trial;
    await attempt(away);
    const due = it.due();
    assert.equal(timers.size, 1);
    it.nudge();
    await due;
    assert.equal(timers.size, 0);
    assert.equal(await attempt('back'), 'back');
    assert.equal(trial.tries, 2);
  });
});
