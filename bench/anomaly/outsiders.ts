// Outsiders: a third generator, written from the requirement's text alone by somebody who had not seen the scorer; one rule of faults for all families, and values are lost.
import type { Report } from '../figure.ts';
import { type DeviceSeries, type FaultKind, FAULTS, type Planted } from './devices.ts';
import { cellsOf, judge, noFinds } from './judge.ts';
import { type Draw, draws } from './random.ts';

const SAMPLING_SECONDS = [10, 30, 60, 300, 900, 3600];
const DAY = 86_400;
/** Monday, in seconds. */
const START = 1_704_067_200;
const HOURS = 7200;
const A_FAMILY = 40;
const SEEDS = [71_001, 71_002, 71_003];
/** Every so many series of a family have no fault, the others have this many, after this share of the series. */
const HEALTHY = 7;
const FAULTS_OF_A_SERIES = 3;
const FIRST = 0.4;
const JITTERS = [0, 0.02, 0.1];
const LOST = [0, 0.002, 0.01];

/** What a healthy device gives in each interval; a counter: what it adds. `start`: seconds since 1970. */
type Healthy = (draw: Draw, length: number, seconds: number, start: number) => Float64Array;

const FORMS: Readonly<Record<string, (share: number) => number>> = {
  sine: share => 0.5 + 0.5 * Math.sin(2 * Math.PI * share),
  double: share => 0.5 + 0.32 * Math.sin(2 * Math.PI * share) + 0.18 * Math.sin(4 * Math.PI * share + 1),
  office: share => 1 / (1 + Math.exp(-50 * (share - 0.3))) - 1 / (1 + Math.exp(-50 * (share - 0.7))),
};

/** From 0 to 1 in each period: a day, with weekends where some are seen early, or 100 to 300 intervals. */
const season: Healthy = (draw, length, seconds, start) => {
  const byDay = seconds >= 60 && draw.uniform() < 0.75;
  const period = byDay ? DAY : seconds * draw.whole(100, 300);
  const byWeek = byDay && seconds >= 900 && draw.uniform() < 0.5;
  // Of a value a minute the first day is not over at the 600th: no edges then.
  const form = FORMS[byDay && seconds === 60 ? 'sine' : draw.pick(Object.keys(FORMS))]!;
  const [phase, weekend] = [draw.uniform(), draw.between(0.2, 0.6)];
  return Float64Array.from({ length }, (_, at) => {
    const time = start + at * seconds;
    const isWeekend = byWeek && Math.floor(time / DAY + phase + 3) % 7 >= 5;
    return (isWeekend ? weekend : 1) * form((time / period + phase) % 1);
  });
};

const FAMILIES: Readonly<Record<string, Healthy>> = {
  seasonal(draw, length, seconds, start) {
    const [base, height, noise] = [draw.between(0, 100), draw.between(5, 100), draw.between(0.02, 0.08)];
    return season(draw, length, seconds, start).map(one => base + height * (one + noise * draw.gauss()));
  },
  counter(draw, length, seconds, start) {
    const [rate, noise] = [draw.between(20, 500), draw.between(0.05, 0.2)];
    const steady = draw.uniform() < 0.5;
    const rates = steady
      ? new Float64Array(length).fill(1)
      : season(draw, length, seconds, start).map(one => 0.5 + one);
    return rates.map(one => Math.max(1, Math.round(rate * (one + (steady ? noise : 0.07) * draw.gauss()))));
  },
  'on and off'(draw, length) {
    const stay = [draw.whole(3, 25), draw.whole(3, 15)];
    const [level, noise] = draw.uniform() < 0.5 ? [draw.between(50, 2000), 0.02] : [1, 0];
    let [state, left] = [0, stay[0]!];
    return Float64Array.from({ length }, () => {
      if (left-- === 0) {
        state = 1 - state;
        left = Math.round(stay[state]! * draw.between(0.7, 1.6)) - 1;
      }
      return state * level * (1 + noise * draw.gauss());
    });
  },
  'heavy tails'(draw, length) {
    const [scale, sigma, exponent] = [draw.between(1, 50), draw.between(0.5, 1.1), draw.between(2.5, 4)];
    const value = draw.pick([
      () => Math.exp(sigma * draw.gauss()),
      () => (1 - draw.uniform()) ** (-1 / exponent),
      () => draw.student3(),
    ]);
    return Float64Array.from({ length }, () => scale * value());
  },
  noise(draw, length) {
    const [base, size, keep] = [draw.between(-50, 100), draw.between(0.5, 10), draw.between(0.3, 0.8)];
    let x = 0;
    const value = draw.pick([
      () => draw.gauss(),
      () => draw.between(-1.7, 1.7),
      () => {
        x = keep * x + draw.gauss();
        return x;
      },
    ]);
    return Float64Array.from({ length }, () => base + size * value());
  },
};

/** Adds a fault of one size for all families, somewhere in a stretch of `values`. */
function plant(draw: Draw, family: string, kind: FaultKind, values: Float64Array, low: number, size: number): Planted {
  const lasting = { spike: [1, 3], shift: [100, 300], drift: [200, 400], stuck: [100, 200], gap: [100, 200] } as const;
  const [least, most] = lasting[kind];
  const length = draw.whole(least, most);
  const from = draw.whole(0, values.length - length - 401);
  const before = values[from - 1] ?? values[from]!;
  const isOn = values[from]! > low + size / 2;
  const drawn = draw.sign();
  // A counter does not run backwards, and on less the range is off.
  const sign = family === 'counter' ? 1 : family === 'on and off' && kind === 'spike' ? (isOn ? 1 : -1) : drawn;
  for (let at = from; at < from + length; at++) {
    if (kind === 'spike' || kind === 'shift') values[at]! += sign * size;
    if (kind === 'drift') values[at]! += (sign * size * (at - from + 1)) / length;
    if (kind === 'stuck') values[at] = family === 'counter' ? 0 : before;
  }
  return { kind, from, to: from + length };
}

/** A series of a family with faults of these kinds, one in each part of what lies behind its first four tenths. */
function outsider(family: string, seed: number, kinds: readonly FaultKind[]): DeviceSeries {
  const draw = draws(seed);
  const [seconds, length] = [draw.pick(SAMPLING_SECONDS), draw.whole(5000, 8000)];
  const start = START + 3600 * draw.whole(0, HOURS);
  const intervals = FAMILIES[family]!(draw, length, seconds, start);
  const [low, high] = [Math.min(...intervals), Math.max(...intervals)];
  const first = Math.ceil(FIRST * length);
  const part = Math.floor((length - first) / FAULTS_OF_A_SERIES);
  const planted = kinds.map((kind, n) => {
    const begin = first + n * part;
    const one = plant(draw, family, kind, intervals.subarray(begin, begin + part), low, high - low);
    return { kind, from: begin + one.from, to: begin + one.to };
  });
  return read(draw, family, { seconds, start, intervals, planted });
}

type Device = { seconds: number; start: number; intervals: Float64Array; planted: readonly Planted[] };

/** What is read of a device: at times that stray, some values lost, a counter summed up, begun anew now and then. */
function read(draw: Draw, family: string, { seconds, start, intervals, planted }: Device): DeviceSeries {
  const { length } = intervals;
  const isCounter = family === 'counter';
  const [jitter, lost] = [draw.pick(JITTERS), draw.pick(LOST)];
  const anew = new Set(Array.from({ length: isCounter ? draw.whole(0, 2) : 0 }, () => draw.whole(100, length - 1)));
  const [times, values, rows]: [number[], number[], number[]] = [[], [], []];
  let [sum, wasFaulty] = [draw.whole(0, 1e6), false];
  for (const [at, one] of intervals.entries()) {
    const fault = planted.find(({ from, to }) => at >= from && at < to);
    const [isLost, stray] = [draw.uniform() < lost, draw.between(-jitter, jitter)];
    sum = (anew.has(at) && fault === undefined ? 0 : sum) + one;
    rows.push(times.length);
    const isRead = fault === undefined ? !isLost || wasFaulty : fault.kind !== 'gap';
    wasFaulty = fault !== undefined;
    if (!isRead) continue;
    times.push(Math.round(1000 * (start + (at + stray) * seconds)));
    values.push(isCounter ? Math.round(sum) : Math.round(1000 * one) / 1000);
  }
  const faults = planted.map(({ kind, from, to }) => {
    const row = rows[from]!;
    return { kind, from: row, to: kind === 'gap' ? row + 1 : rows[to]! };
  });
  return { shape: family, times: Float64Array.from(times), values: Float64Array.from(values), faults };
}

/** What a scorer found of the faults of each family, and of all together. */
export function outsiders(
  scoresOf: (times: Float64Array, values: Float64Array) => readonly number[],
  report: Report,
): void {
  report.table(
    `a third generator, ${SEEDS.length * A_FAMILY} series of 5,000 to 8,000 points a family, three faults each`,
    [...['family', ...FAULTS], 'false alarms in 10,000, between faults'],
  );
  const all = noFinds();
  for (const [place, family] of Object.keys(FAMILIES).entries()) {
    const finds = noFinds();
    let planted = 0;
    for (const seed of SEEDS)
      for (let n = 0; n < A_FAMILY; n++) {
        const count = n % HEALTHY === HEALTHY - 1 ? 0 : FAULTS_OF_A_SERIES;
        const kinds = Array.from({ length: count }, () => FAULTS[planted++ % FAULTS.length]!);
        const one = outsider(family, 1000 * seed + 100 * place + n, kinds);
        const scores = scoresOf(one.times, one.values);
        for (const into of [finds, all]) judge(one, scores, into);
      }
    report.row(family, ...cellsOf(finds, 1));
  }
  report.row('all', ...cellsOf(all, 1));
}
