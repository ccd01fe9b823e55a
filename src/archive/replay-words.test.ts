// What a replay node says of itself, in colour and words.
import assert from 'node:assert/strict';
import type { DeskState } from './replay-desk.ts';
import type { Replay } from './replays.ts';
import { deskWords, progressOf } from './replay-words.ts';

describe('words of a replay node', () => {
  const replay: Replay = {
    ...{ id: 3, state: 'running', selection: {}, cursor: undefined, settled: 1200, failed: 0, total: 5000 },
    ...{ askedBy: 'editor', reason: undefined },
  };
  const done = { ...replay, settled: 5000 };
  const cases: readonly [state: DeskState, fill: string, words: string][] = [
    [{ state: 'idle', last: undefined }, 'grey', 'ready'],
    [{ state: 'away', reason: 'no route' }, 'red', 'archive away; no route'],
    [{ state: 'running', replay, perSecond: 80.4, away: '' }, 'blue', 'replay 3: 1200 of 5000 (24 %), 80/s'],
    [
      { state: 'running', replay, perSecond: 0, away: 'no route' },
      ...(['red', 'replay 3: 1200 of 5000 (24 %); archive away; no route'] as const),
    ],
    [
      { state: 'running', replay: { ...replay, total: undefined }, perSecond: 0, away: '' },
      ...(['blue', 'replay 3: 1200, 0/s'] as const),
    ],
    [
      { state: 'idle', last: { ...done, end: { state: 'done' } } },
      ...(['green', 'replay 3 done: 5000 of 5000 (100 %)'] as const),
    ],
    [
      { state: 'idle', last: { ...done, total: 5200, end: { state: 'done' } } },
      ...(['green', 'replay 3 done: 5000 of 5200 (96 %), 200 no longer in the archive'] as const),
    ],
    [
      { state: 'idle', last: { ...done, settled: 0, total: 0, end: { state: 'done' } } },
      ...(['green', 'replay 3 done: nothing in the archive is of this selection'] as const),
    ],
    [
      { state: 'idle', last: { ...done, failed: 2, end: { state: 'lost' } } },
      ...(['yellow', 'replay 3 stopped: 5000 of 5000 (100 %), 2 given up'] as const),
    ],
    [
      { state: 'idle', last: { ...replay, end: { state: 'failed', reason: 'bad' } } },
      ...(['red', 'replay 3 failed at 1200 of 5000 (24 %): bad'] as const),
    ],
  ];
  for (const [state, fill, words] of cases) it(words, () => assert.deepEqual(deskWords(state), [fill, words]));

  const reasons: readonly [state: DeskState, reason: string | undefined][] = [
    [{ state: 'running', replay, perSecond: 80, away: '' }, undefined],
    [{ state: 'running', replay, perSecond: 0, away: 'no route' }, 'no route'],
    [{ state: 'idle', last: { ...replay, end: { state: 'failed', reason: 'bad' } } }, 'bad'],
    [{ state: 'idle', last: { ...done, end: { state: 'done' } } }, undefined],
  ];
  for (const [state, reason] of reasons)
    it(`tells progress with the reason ${reason}, ${state.state}`, () =>
      assert.equal(progressOf(state)?.reason, reason));
});
