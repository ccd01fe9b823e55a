// anomaly: the labelled corpus by its published formulas, generated devices by kind of fault, and what a point costs.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { deviceScorer } from '../../src/anomaly/device.ts';
import type { Known } from '../../src/anomaly/cells.ts';
import { begin, scoring } from '../../src/anomaly/score.ts';
import { series } from '../../src/anomaly/series.ts';
import { save } from '../../src/anomaly/state.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { again } from '../anomaly/again.ts';
import { ALTERATIONS } from '../anomaly/altered.ts';
import { corpusFolder, type Labelled, readCorpus } from '../anomaly/corpus.ts';
import { type DeviceSeries, deviceSeries, type FaultKind, FAULTS, SHAPE_NAMES } from '../anomaly/devices.ts';
import { everNewNames } from '../anomaly/keys.ts';
import { cellsOf, judge, noFinds } from '../anomaly/judge.ts';
import { type Judged, nabScore, PROFILES } from '../anomaly/nab.ts';
import { outsiders } from '../anomaly/outsiders.ts';
import { STRANGERS, stranger } from '../anomaly/strangers.ts';
import type { Figure, Report } from '../figure.ts';
import { percentile } from '../machine.ts';

// Seeds by which nothing was set; their results have been seen.
const FIRST_SEED = 52_917_400;
const SERIES_A_SHAPE = 8;
const LENGTH = 8000;

const scoresOf = (times: Float64Array, values: Float64Array): number[] => {
  const one = series();
  return Array.from(values, (value, at) => one.score(times[at], value).score);
};

function judgedOf({ times, values, windows }: Labelled): Judged {
  const scores = scoresOf(times, values);
  if (scores.length !== values.length || !scores.every(Number.isFinite)) throw new Error('a row without a score');
  return { scores, windows };
}

const windowsIn = (files: readonly Judged[]): number => files.reduce((sum, { windows }) => sum + windows.length, 0);

/** Standard profile, each folder at the threshold that was best for all others, weighed by windows. */
function leaveOneFolderOut(files: readonly Labelled[], judged: readonly Judged[]): number {
  const folderOf = (at: number) => files[at]!.name.split('/')[0];
  let sum = 0;
  for (const folder of new Set(files.map((_, at) => folderOf(at)))) {
    const own = judged.filter((_, at) => folderOf(at) === folder);
    if (windowsIn(own) === 0) continue;
    const rest = judged.filter((_, at) => folderOf(at) !== folder);
    // A row at the threshold itself was among the detections.
    const threshold = nabScore(rest, PROFILES[0]!).threshold + 1e-12;
    sum += windowsIn(own) * nabScore(own, PROFILES[0]!, threshold).score;
  }
  return sum / windowsIn(judged);
}

function corpus(report: Report): void {
  if (!existsSync(path.join(corpusFolder, 'windows.json'))) {
    report.note(`No corpus in FIELDLINE_NAB or ${path.relative(process.cwd(), corpusFolder)}: skipped.`);
    return;
  }
  const files = readCorpus(corpusFolder);
  const judged = files.map(judgedOf);
  const folds: [name: string, files: Judged[]][] = [
    ['all', judged],
    ['every other file', judged.filter((_, at) => at % 2 === 0)],
    ['the rest', judged.filter((_, at) => at % 2 === 1)],
    ...Object.entries(ALTERATIONS).map(([name, alter]): [string, Judged[]] => [
      name,
      files.map(file => judgedOf(alter(file))),
    ]),
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
    report.row(
      ...[name, ...PROFILES.map(profile => nabScore(some, profile).score.toFixed(1))],
      ...zero.map(({ score }) => score.toFixed(1)),
      ...[`${zero[0]?.windowsHit} of ${windowsIn(some)}`, zero[0]?.falseRows ?? 0],
    );
  }
  report.note(
    `Each folder at the threshold that was best for all others: ${leaveOneFolderOut(files, judged).toFixed(1)} (standard).`,
  );
}

type Maker = (seed: number, kinds: readonly FaultKind[], length: number) => DeviceSeries;
type Planted = { readonly lists: readonly (readonly FaultKind[])[]; readonly length: number };
/** What is planted in a series: each of these lists in a series of its own. Some faults of method show in long series alone. */
const PLANTED: Readonly<Record<string, Planted>> = {
  'one of each kind': { lists: [FAULTS], length: LENGTH },
  'one fault': { lists: FAULTS.map(kind => [kind]), length: LENGTH },
  'five spikes': { lists: [Array<'spike'>(5).fill('spike')], length: LENGTH },
  'no fault': { lists: [[]], length: LENGTH },
  'no fault, 20,000 points': { lists: [[]], length: 20_000 },
};

/** Rows for each group of shapes, in full or of series with one of each kind alone, and for all of them together. */
function generated(
  report: Report,
  title: string,
  groups: ReadonlyMap<string, readonly Maker[]>,
  inFull: boolean,
): void {
  report.table(title, ['shapes', 'planted in a series', ...FAULTS, 'false alarms in 10,000, between faults']);
  const all = new Map(Object.keys(PLANTED).map(planted => [planted, noFinds()]));
  let seed = FIRST_SEED;
  for (const [group, makers] of groups)
    for (const [planted, { lists, length }] of Object.entries(PLANTED)) {
      const finds = noFinds();
      for (const make of makers)
        for (let n = 0; n < SERIES_A_SHAPE; n++)
          for (const kinds of lists) {
            const one = make(seed++, kinds, length);
            const scores = scoresOf(one.times, one.values);
            for (const into of [finds, all.get(planted)!]) judge(one, scores, into);
          }
      if (inFull || lists[0] === FAULTS) report.row(group, planted, ...cellsOf(finds));
    }
  for (const [planted, finds] of all) report.row('all', planted, ...cellsOf(finds));
}

function devices(report: Report): void {
  const groups = SHAPE_NAMES.map((shape): [string, Maker[]] => [
    shape,
    [(seed, kinds, length) => deviceSeries(shape, seed, { length, kinds })],
  ]);
  generated(report, `generated devices, ${SERIES_A_SHAPE} series of ${LENGTH} points a shape`, new Map(groups), false);
}

/** Every other shape was looked at while tuning; of the rest results were seen later, and nothing was set by them. */
function strangers(report: Report): void {
  const families = Object.entries(STRANGERS);
  const names = families.flatMap(([, shapes]) => Object.keys(shapes));
  for (const [which, title] of [
    'were looked at while tuning',
    'nothing was set by, though their results were seen',
  ].entries()) {
    const groups = families.map(([family, shapes]): [string, Maker[]] => [
      family,
      Object.entries(shapes)
        .filter(([name]) => names.indexOf(name) % 2 === which)
        .map(
          ([name, shape]): Maker =>
            (seed, kinds, length) =>
              stranger(name, shape, seed, kinds, length),
        ),
    ]);
    generated(
      report,
      `a second generator, ${SERIES_A_SHAPE} series a shape: shapes that ${title}`,
      new Map(groups),
      true,
    );
  }
}

/** Milliseconds of CPU this process has used: what others do on the machine does not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** What a point costs in CPU time: of one series, of many in turn, in readings; and what a series takes. */
function cost(runs: number, report: Report): void {
  const rows = 200_000;
  const { times, values } = deviceSeries('by day', 1, { length: rows, kinds: [] });
  const { score } = scoring();
  /** µs a point of so many series in turn, from one row to another. */
  const inTurn = (all: readonly Known[], from: number, to: number): number => {
    const began = cpuMs();
    for (let row = from; row < to; row++) for (const one of all) score(one, times[row]!, values[row]!);
    return (1e3 * (cpuMs() - began)) / (all.length * (to - from));
  };
  const parts = (): number[] => {
    const one = [begin()];
    const [first, middle, last] = [0, 1, 9].map(tenth =>
      inTurn(one, tenth * (rows / 10), (tenth === 1 ? 9 : tenth + 1) * (rows / 10)),
    );
    return [0.1 * first! + 0.8 * middle! + 0.1 * last!, first!, last!];
  };
  /** Once each has seen some hundred points. */
  const grown = (count: number): number => {
    const all = Array.from({ length: count }, begin);
    inTurn(all, 0, 200);
    return inTurn(all, 200, 300);
  };
  const median = (some: number[]): string => percentile(some, 0.5).toFixed(2);
  const one = Array.from({ length: runs }, parts);
  const many = [400, 4000].map(count => Array.from({ length: runs }, () => grown(count)));
  const readings = Array.from({ length: runs }, () => readingCost(100));
  const before = heldBytes();
  const held = Array.from({ length: 10_000 }, begin);
  const bytes = (heldBytes() - before) / held.length;
  report.table('cost', [
    ...['CPU µs a point, median', 'first tenth', 'last tenth', '400 series in turn', '4,000 in turn'],
    ...['CPU µs a reading of four metrics, 100 devices', 'KB a series in memory', 'KB saved'],
  ]);
  report.row(
    ...[0, 1, 2].map(part => median(one.map(run => run[part]!))),
    ...[...many.map(median), median(readings)],
    ...[bytes, save(held[0]!).length].map(size => (size / 1024).toFixed(1)),
  );
}

/** µs a reading, once each series has grown up. */
function readingCost(devices: number): number {
  const { score } = deviceScorer();
  const rounds = 400;
  let spent = 0;
  for (let round = 0; round < rounds; round++) {
    const timestamp = new Date(Date.UTC(2026, 0, 5) + round * 60_000).toISOString();
    const readings = Array.from({ length: devices }, (_, device): Reading => {
      const [a, b] = [Math.sin(round * 12.9898 + device), Math.sin(round * 78.233 + device)];
      const telemetry = { voltage: 230 + a, current: 5 + b, power_kw: 1.2 + 0.1 * a, total_energy_kwh: 0.02 * round };
      return { deviceId: `meter-${device}`, protocol: 'mqtt', timestamp, telemetry, metadata: { digest: `${round}` } };
    });
    const began = cpuMs();
    for (const reading of readings) score(reading);
    if (round >= rounds / 2) spent += cpuMs() - began;
  }
  return (1e3 * spent) / (devices * (rounds / 2));
}

/** Bytes in use once garbage is collected. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What a buffer took is given back a round later.
  for (let round = 0; round < 3; round++) collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

export const anomaly: Figure = {
  says: 'the anomaly score on labelled and generated series, its cost a point, and ten million keys (--short, --only)',
  defaults: { runs: 7 },
  runs: 'One process, no gateway, no database. Scores are the same in each run; of what takes time the median of the runs (`--runs`).',
  async run({ runs, short, only }, report) {
    const parts: Readonly<Record<string, () => void>> = {
      corpus: () => corpus(report),
      devices: () => devices(report),
      strangers: () => strangers(report),
      outsiders: () => outsiders(scoresOf, report),
      again: () => again(scoresOf, report),
      cost: () => cost(runs, report),
      keys: () => everNewNames(short ? 1e6 : 1e7, report),
    };
    const wrong = only.filter(name => parts[name] === undefined);
    if (wrong.length > 0)
      throw new Error(`--only: expected of ${Object.keys(parts).join(', ')}, got ${wrong.join(', ')}`);
    for (const [name, measure] of Object.entries(parts)) if (only.length === 0 || only.includes(name)) measure();
  },
};
