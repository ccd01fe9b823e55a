// anomaly: the labelled corpus by its published formulas, generated devices by kind of fault, and what a point costs.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { series } from '../../src/anomaly/series.ts';
import { type Labelled, readCorpus } from '../anomaly/corpus.ts';
import { type DeviceSeries, deviceSeries, FAULTS, SHAPE_NAMES } from '../anomaly/devices.ts';
import { type Finds, judge, noFinds, perTenThousand } from '../anomaly/judge.ts';
import { type Judged, nabScore, PROFILES } from '../anomaly/nab.ts';
import type { Figure, Report } from '../figure.ts';
import { percentile } from '../machine.ts';

/** Where the corpus lies: FIELDLINE_NAB, else beside the checkout. */
const corpusFolder = process.env['FIELDLINE_NAB'] ?? path.join(import.meta.dirname, '../../../shared/data/nab');
// Seeds that nobody tuned on.
const FIRST_SEED = 5000;
const SERIES_A_SHAPE = 10;
const LENGTH = 8000;

const scoresOf = (times: Float64Array, values: Float64Array): number[] => {
  const one = series();
  return Array.from(values, (value, at) => one.score(times[at], value).score);
};

function corpus(report: Report): void {
  if (!existsSync(path.join(corpusFolder, 'windows.json'))) {
    report.note(`No corpus in FIELDLINE_NAB or ${path.relative(process.cwd(), corpusFolder)}: skipped.`);
    return;
  }
  const files = readCorpus(corpusFolder);
  const judgedOf = ({ times, values, windows }: Labelled): Judged => {
    const scores = scoresOf(times, values);
    if (scores.length !== values.length || !scores.every(Number.isFinite)) throw new Error('a row without a score');
    return { scores, windows };
  };
  const judged = files.map(judgedOf);
  const folds: [name: string, files: Judged[]][] = [
    ['all', judged],
    ['every other file', judged.filter((_, at) => at % 2 === 0)],
    ['the rest', judged.filter((_, at) => at % 2 === 1)],
  ];
  report.table(`labelled corpus, ${files.length} files`, [
    'files',
    ...PROFILES.map(({ name }) => `${name}, best threshold`),
    ...PROFILES.map(({ name }) => `${name}, at zero`),
    'windows hit at zero',
    'false rows at zero',
  ]);
  for (const [name, some] of folds) {
    const zero = PROFILES.map(profile => nabScore(some, profile, 0));
    const total = some.reduce((sum, { windows }) => sum + windows.length, 0);
    report.row(
      ...[name, ...PROFILES.map(profile => nabScore(some, profile).score.toFixed(1))],
      ...zero.map(({ score }) => score.toFixed(1)),
      ...[`${zero[0]?.windowsHit} of ${total}`, zero[0]?.falseRows ?? 0],
    );
  }
}

function rowOf(report: Report, name: string, finds: Finds): void {
  const found = FAULTS.map(kind => {
    const { found: hits, planted } = finds.found.get(kind) ?? { found: 0, planted: 0 };
    return planted === 0 ? '–' : `${Math.round((100 * hits) / planted)} %`;
  });
  report.row(name, ...found, perTenThousand(finds).toFixed(2));
}

function devices(report: Report): void {
  report.table(
    `generated devices, ${SERIES_A_SHAPE} series of ${LENGTH} points a shape, one fault of each kind in each`,
    ['shape', ...FAULTS, 'false alarms in 10,000, between faults'],
  );
  const all = noFinds();
  const one = ({ times, values, ...rest }: DeviceSeries, ...into: Finds[]) => {
    const scores = scoresOf(times, values);
    for (const finds of into) judge({ times, values, ...rest }, scores, finds);
  };
  SHAPE_NAMES.forEach((shape, at) => {
    const finds = noFinds();
    for (let n = 0; n < SERIES_A_SHAPE; n++)
      one(deviceSeries(shape, FIRST_SEED + at * SERIES_A_SHAPE + n, { length: LENGTH }), finds, all);
    rowOf(report, shape, finds);
  });
  rowOf(report, 'all', all);
  const alone = noFinds();
  for (const [at, kind] of FAULTS.entries())
    for (const [shapeAt, shape] of SHAPE_NAMES.entries())
      for (let n = 0; n < 2; n++)
        one(
          deviceSeries(shape, FIRST_SEED * 2 + (shapeAt * FAULTS.length + at) * 2 + n, {
            length: LENGTH,
            kinds: [kind],
          }),
          alone,
        );
  rowOf(report, 'all, one fault a series', alone);
  const quiet = noFinds();
  for (const [at, shape] of SHAPE_NAMES.entries())
    for (let n = 0; n < 2; n++)
      one(deviceSeries(shape, FIRST_SEED * 3 + at * 2 + n, { length: LENGTH, kinds: [] }), quiet);
  rowOf(report, 'all, no fault', quiet);
}

function cost(runs: number, report: Report): void {
  const length = 200_000;
  const { times, values } = deviceSeries('by day', 1, { length, kinds: [] });
  const microseconds: number[] = [];
  const [first, last]: [number[], number[]] = [[], []];
  for (let run = 0; run < runs; run++) {
    const one = series();
    const began = performance.now();
    let tenth = began;
    for (let at = 0; at < length; at++) {
      one.score(times[at], values[at] as number);
      if (at === length / 10) {
        tenth = performance.now();
        first.push(((tenth - began) * 1e4) / length);
      }
      if (at === (9 * length) / 10) tenth = performance.now();
    }
    const end = performance.now();
    last.push(((end - tenth) * 1e4) / length);
    microseconds.push(((end - began) * 1e3) / length);
  }
  const held = Array.from({ length: 10_000 }, () => undefined as unknown);
  const before = process.memoryUsage();
  for (let at = 0; at < held.length; at++) {
    const one = series();
    for (let n = 0; n < 100; n++) one.score(times[n], values[n] as number);
    held[at] = one;
  }
  const after = process.memoryUsage();
  const bytes = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  report.table('cost', [
    'µs a point, median',
    'first tenth',
    'last tenth',
    'KB a series in memory, 10,000',
    'KB saved',
  ]);
  report.row(
    ...[microseconds, first, last].map(some => percentile(some, 0.5).toFixed(2)),
    (bytes / held.length / 1024).toFixed(1),
    (series().save().length / 1024).toFixed(1),
  );
}

export const anomaly: Figure = {
  says: 'the anomaly score on labelled and generated series, and its cost a point',
  defaults: { runs: 7 },
  async run({ runs }, report) {
    corpus(report);
    devices(report);
    cost(runs, report);
  },
};
