// A clock that is set while a gateway works, by which its readings are timed: no device was silent for what it was set on.
import assert from 'node:assert/strict';
import { fakeClock } from '../kernel/clock.ts';
import { unheard } from '../reading/listening.ts';
import { clockSet } from './clock-set.ts';
import { deviceScorer } from './device.ts';

const [SECOND, HOUR] = [1000, 3_600_000];

describe('a clock that is set', () => {
  for (const [what, hours, silentSeconds, kind] of [
    ['on by eight hours', [8], 0, 'normal'],
    ['on, by five minutes', [1 / 12], 0, 'normal'],
    ['on, and back where it was', [8, -8], 0, 'normal'],
    ['back by an hour', [-1], 0, 'normal'],
    ['on, while a device falls silent', [8], 120, 'gap'],
    ['on and back, before a device falls silent', [8, -8], 120, 'gap'],
    ['not at all', [], 120, 'gap'],
  ] as const)
    for (const looks of ['at once', 'every 10 s'])
      it(`${what}, looked at ${looks}: ${kind}`, () => {
        const clock = fakeClock();
        const look = clockSet(clock);
        const spans: [number, number][] = [];
        const scorer = deviceScorer({
          unheard: (_, from, to) => {
            look(spans);
            return unheard(undefined, from, to, spans);
          },
        });
        const kinds: (string | undefined)[] = [];
        const hear = (seconds: number) => {
          for (let second = 0; second < seconds; second++) {
            clock.advance(SECOND);
            const timestamp = new Date(clock.now()).toISOString();
            const telemetry = { v: ((Math.round(clock.steady() / SECOND) * 7919) % 101) / 101 };
            kinds.push(scorer.score({ deviceId: 'm', protocol: 'http', timestamp, telemetry, metadata: {} })?.kind);
            if (looks === 'every 10 s' && second % 10 === 0) look(spans);
          }
        };
        hear(300);
        for (const by of hours) {
          clock.step(by * HOUR);
          hear(20);
        }
        clock.advance(silentSeconds * SECOND);
        hear(1);
        assert.equal(kinds.at(-1), kind);
        const earlier = kinds.slice(0, -1).filter(one => one !== 'learning');
        assert.ok(!earlier.includes('gap'), String(earlier));
      });
});
