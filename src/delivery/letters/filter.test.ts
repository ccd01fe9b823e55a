// Which letters are meant: what a filter may hold, and what is refused.
import assert from 'node:assert/strict';
import { Fault } from '../../kernel/fault.ts';
import { letterFilterOf } from './filter.ts';

describe('filter of dead letters', () => {
  const right: readonly [given: unknown, filter: object][] = [
    [undefined, {}],
    [{ id: '7' }, { ids: [7] }],
    [
      { ids: [1, 2], state: 'open', topic: '' },
      { ids: [1, 2], state: 'open' },
    ],
    [{ reason: 'x', other: 1 }, { reason: 'x' }],
    [{ state: ['open', 'queued'] }, { state: ['open', 'queued'] }],
  ];
  for (const [given, filter] of right)
    it(`takes ${JSON.stringify(given)}`, () => assert.deepEqual(letterFilterOf(given), filter));
  for (const given of [
    'all',
    [],
    { id: 0 },
    { ids: ['x'] },
    { ids: [1.5] },
    { state: 'gone' },
    { state: ['open', "') OR (true"] },
    { topic: 7 },
    { source: 'a\0' },
  ])
    it(`refuses ${JSON.stringify(given)}`, () => assert.throws(() => letterFilterOf(given), Fault));
});
