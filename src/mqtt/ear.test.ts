// Ear: which states of a subscription make devices unheard.
import assert from 'node:assert/strict';
import { RETURN_MS, unheard } from '../reading/listening.ts';
import { withEar } from './ear.ts';
import type { SourceState } from './source-state.ts';

const subscribed = (via: 'MQTT 5' | 'journal'): SourceState => ({ state: 'subscribed', via, detail: undefined });
type Step = SourceState | 'full' | 'room';

describe('ear of a subscription', () => {
  const table: [what: string, steps: Step[], unheard: number][] = [
    ['a broker that went away', [{ state: 'offline', reason: '' }, { state: 'connecting' }], 10_000 + RETURN_MS],
    [
      'a refusal after it',
      [
        { state: 'offline', reason: '' },
        { state: 'refused', reason: '' },
      ],
      10_000 + RETURN_MS,
    ],
    ['an end of our own', [{ state: 'closed' }, { state: 'connecting' }], 10_000],
    ['a full window', ['full', 'room'], 5000],
    ['a new start alone', [{ state: 'connecting' }], 0],
  ];
  for (const [at, [what, steps, expected]] of table.entries())
    for (const via of ['MQTT 5', 'journal'] as const) {
      // The journal keeps the time of what comes while we are away; only its own end is silence.
      const told = via === 'journal' && expected <= 10_000 ? 0 : expected;
      it(`${via}: ${what}: ${told} ms`, () => {
        const id = `ear-${via}-${at}`;
        let time = 1_000_000;
        const seen: string[] = [];
        const ear = withEar(id, { onState: ({ state }) => seen.push(state) }, () => time);
        ear.onState?.(subscribed(via));
        time = 2_000_000;
        ear.heard();
        for (const step of steps) {
          if (step === 'full' || step === 'room') ear.onWindow?.(step === 'full');
          else ear.onState?.(step);
          time += 5000;
        }
        if (steps.length === 1) time += 5000;
        ear.onState?.(subscribed(via));
        assert.equal(unheard(`${id}/1.1`, 1_900_000, 3_000_000), told);
        assert.ok(seen.length >= 2, 'the node hears of it, too');
      });
    }
});
