// The corpus scorer of the bench, against values worked out from the paper's formulas by hand; and what it gives for the
// anomaly score, where the corpus is at hand.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { corpusFolder, readCorpus } from '../bench/anomaly/corpus.ts';
import { type Judged, nabScore, type Profile, PROFILES } from '../bench/anomaly/nab.ts';
import { begin, scoring } from '../src/anomaly/score.ts';

const [standard, lowFalse, lowMissed] = PROFILES as [Profile, Profile, Profile];
const ROWS = 1000;
const WINDOW = [400, 499] as const;
/** Alarms at these rows of a file with one window. */
const file = (...alarms: number[]): Judged => ({
  scores: Array.from({ length: ROWS }, (_, at) => (alarms.includes(at) ? -1 : 1)),
  windows: [WINDOW],
});
const sigmoid = (x: number) => 2 / (1 + Math.exp(5 * x)) - 1;

describe('corpus scorer', () => {
  const cases: [name: string, file: Judged, profile: Profile, score: number][] = [
    ['nothing', file(), standard, 0],
    ['the first row of the window', file(400), standard, 100],
    ['the first row counts, later ones do not', file(400, 450, 499), standard, 100],
    ['the last row', file(499), standard, 50 * (1 + sigmoid(-0.01) / sigmoid(-1))],
    ['a false row before any window', file(300), standard, -50 * 0.11],
    ['the same, low FP', file(300), lowFalse, -50 * 0.22],
    ['a false row just behind the window', file(500), standard, 50 * 0.11 * sigmoid(1 / 99)],
    ['a false row far behind it', file(999), standard, -50 * 0.11],
    ['probation does not count', file(0, 149), standard, 0],
    ['the row after it does', file(150), standard, -50 * 0.11],
    ['low FN: a window weighs three', file(400, 300), lowMissed, (100 * (3 - 0.11)) / 3],
  ];
  for (const [name, judged, profile, score] of cases)
    it(name, () => assert.ok(Math.abs(nabScore([judged], profile, 0).score - score) < 1e-9));

  it('finds the threshold that pays most, and takes rows of equal score together', () => {
    const scores = Array.from({ length: ROWS }, (_, at) => (at === 400 ? -5 : at === 300 || at === 310 ? -2 : 1));
    const best = nabScore([{ scores, windows: [WINDOW] }], standard);
    assert.deepEqual([best.score, best.threshold, best.windowsHit, best.falseRows], [100, -5, 1, 0]);
    assert.equal(nabScore([{ scores, windows: [WINDOW] }], standard, -1).falseRows, 2);
  });
});

describe('anomaly score on the labelled corpus', () => {
  let files: Judged[] = [];
  before(function () {
    // No corpus on this machine.
    if (!existsSync(path.join(corpusFolder, 'windows.json'))) return this.skip();
    const { score } = scoring();
    files = readCorpus(corpusFolder).map(({ times, values, windows }) => {
      const known = begin();
      return { scores: Array.from(values, (value, at) => score(known, times[at]!, value)), windows };
    });
  });

  const bars: [name: string, profile: Profile, threshold: number | undefined, least: number][] = [
    ['standard, best threshold', standard, undefined, 67],
    ['standard, at its own zero', standard, 0, 60],
    ['low FP, best threshold', lowFalse, undefined, 58],
    ['low FP, at its own zero', lowFalse, 0, 58],
  ];
  for (const [name, profile, threshold, least] of bars)
    it(`${name}: at least ${least}`, () => {
      const { score } = nabScore(files, profile, threshold);
      assert.ok(score >= least, score.toFixed(1));
    });
});
