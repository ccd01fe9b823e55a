// After a kill, where later values are stored already and earlier ones come again: each is judged in its place.
import assert from 'node:assert/strict';
import type { Reading } from '../reading/reading.ts';
import { deviceScorer } from './device.ts';

const START = Date.UTC(2026, 0, 5);
const timeOf = (at: number) => START + at * 60_000;
const wobble = (at: number) => ((at * 7919) % 101) / 101;
const reading = (at: number): Reading => ({
  ...{ deviceId: 'm', protocol: 'mqtt', timestamp: new Date(timeOf(at)).toISOString(), metadata: { digest: `d${at}` } },
  telemetry: { temperature: 20 + wobble(at) + (at === 882 ? 20 : 0), energy: 2 * at + wobble(at + 7) },
});
const grow = (to: number) => {
  const scorer = deviceScorer();
  for (let at = 0; at < to; at++) scorer.score(reading(at));
  return scorer;
};

describe('what comes again after a kill, before what is stored', () => {
  for (const [what, saved, again] of [
    ['a few', 800, [880, 881, 882, 883, 884]],
    ['one', 870, [882]],
    ['two stretches', 800, [860, 861, 880, 881, 882]],
    ['the last', 800, [898, 899]],
    ['none', 800, []],
    ['all since the save', 880, Array.from({ length: 20 }, (_, n) => 880 + n)],
  ] as const)
    for (const isSavedBetween of [false, true])
      it(`${what}${isSavedBetween ? ', and a save behind it' : ''}: scored as if there had been no kill`, () => {
        const whole = grow(saved);
        const before = grow(saved);
        const after = deviceScorer();
        for (const [name, state] of before.states()) after.restore(name, state);
        for (let at = saved; at < 900; at++) {
          if (again.some(one => one === at)) continue;
          const { telemetry } = reading(at);
          for (const [metric, value] of Object.entries(telemetry)) {
            const stored = { key: 'm', metric, time: timeOf(at), value: Number(value), device: 'm', digest: `d${at}` };
            assert.ok(after.learn({ ...stored, anomaly: undefined }, timeOf(saved - 1)));
          }
        }
        const scores = Array.from({ length: 920 - saved }, (_, n) => whole.score(reading(saved + n)));
        for (const at of again) assert.deepEqual(after.score(reading(at)), scores[at - saved]);
        const last = deviceScorer();
        if (isSavedBetween) for (const [name, state] of after.states()) last.restore(name, state);
        for (let at = 900; at < 920; at++)
          assert.deepEqual((isSavedBetween ? last : after).score(reading(at)), scores[at - saved]);
      });
});
