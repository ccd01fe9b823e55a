// What a person may give as the part of the archive to replay, and what is refused.
import assert from 'node:assert/strict';
import { type Selection, selectionOf } from './selection.ts';

describe('selection of a replay', () => {
  const now = Date.UTC(2026, 0, 10);
  const right: readonly [given: unknown, selection: Selection][] = [
    [undefined, {}],
    [{}, {}],
    [{ from: '', scanner: null, other: 1 }, {}],
    [
      { from: '2026-01-01T01:00:00+01:00', to: '24h' },
      { from: '2026-01-01T00:00:00.000Z', to: '2026-01-09T00:00:00.000Z' },
    ],
    [
      { from: '2026-01-01', to: ' 2026-01-02 16:30 ' },
      { from: '2026-01-01T00:00:00.000Z', to: '2026-01-02T16:30:00.000Z' },
    ],
    [{ from: '2026-01-01T16:30+01:00' }, { from: '2026-01-01T15:30:00.000Z' }],
    [{ from: 1767225600 }, { from: '2026-01-01T00:00:00.000Z' }],
    [
      { topic: 'a/+/#', device: ' d ' },
      { topic: 'a/+/#', device: 'd' },
    ],
    [{ from: ' ', device: '\t' }, {}],
    [
      { from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:00:00.000001Z' },
      { from: '2026-01-01T00:00:00.000Z', to: '2026-01-01T00:00:00.000001Z' },
    ],
    [
      { from: '0001-01-01T00:00:00Z', to: '9999-12-31T23:59:59.999999Z' },
      { from: '0001-01-01T00:00:00.000Z', to: '9999-12-31T23:59:59.999999Z' },
    ],
    // Longer ago than numbers are read as milliseconds, than 1970, and than all times.
    [{ from: '20000d' }, { from: '1971-04-09T00:00:00.000Z' }],
    [{ from: '3000w' }, { from: '1968-07-13T00:00:00.000Z' }],
    [{ from: `${'9'.repeat(20)}d` }, { from: '0001-01-01T00:00:00.000Z' }],
  ];
  for (const [given, selection] of right)
    it(`takes ${JSON.stringify(given)}`, () => assert.deepEqual(selectionOf(given, now), selection));
  const wrong: readonly [given: unknown, reason: RegExp][] = [
    ['all', /an object/],
    [[], /an object/],
    [{ from: 'yesterday' }, /from: expected a time/],
    [{ to: {} }, /to: expected a time/],
    [{ from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' }, /to: expected a time after/],
    [{ from: '2026-01-01T00:00:00.000001Z', to: '2026-01-01T00:00:00Z' }, /to: expected a time after/],
    [{ from: '2026-01-01T00:00:00.000000Z', to: '2026-01-01T00:00:00Z' }, /to: expected a time after/],
    [{ from: '0000-01-01T00:00:00Z' }, /from: expected a time/],
    [{ from: '0001-01-01T00:00:00+05:00' }, /from: expected a time/],
    [{ to: '9999-12-31T23:59:59-05:00' }, /to: expected a time/],
    [{ to: 1e21 }, /to: expected a time/],
    [{ topic: 'a/#/b' }, /topic: expected a topic filter/],
    [{ device: 7 }, /device: expected a text/],
    [{ scanner: 'nul\0' }, /scanner: expected a text/],
    [{ scanner: 'x'.repeat(201) }, /scanner: expected a text/],
  ];
  for (const [given, reason] of wrong)
    it(`refuses ${JSON.stringify(given).slice(0, 60)}`, () => assert.throws(() => selectionOf(given, now), reason));
});
