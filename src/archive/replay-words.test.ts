// What a replay node says of itself, in colour and words.
import assert from 'node:assert/strict';
import type { DeskState } from './replay-desk.ts';
import type { Replay } from './replays.ts';
import { deskWords } from './replay-words.ts';

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
      { state: 'idle', last: { ...done, failed: 2, end: { state: 'lost' } } },
      ...(['yellow', 'replay 3 stopped: 5000 of 5000 (100 %), 2 given up'] as const),
    ],
    [
      { state: 'idle', last: { ...replay, end: { state: 'failed', reason: 'bad' } } },
      ...(['red', 'replay 3 failed at 1200 of 5000 (24 %): bad'] as const),
    ],
  ];
  for (const [state, fill, words] of cases) it(words, () => assert.deepEqual(deskWords(state), [fill, words]));
});
