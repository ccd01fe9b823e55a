// Strangers: a second generator of device series, which shares no shape with `devices.ts`; what was fitted to the one loses here.
import type { DeviceSeries, FaultKind, Planted } from './devices.ts';
import { type Draw, draws } from './random.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.UTC(2025, 8, 1);
const STEPS_SECONDS = [10, 20, 60, 120, 300, 600, 1800, 3600];
/** How far times stray, as a share of the step, and the share of points that are missing. */
const JITTERS = [0, 0.05, 0.4];
const MISSING = [0, 0, 0.02];

/** What a healthy device gives at a time (ms) since the start of a Monday, called once a point, in order. */
type Healthy = (time: number) => number;
type Shape = (draw: Draw, step: number) => Healthy;

const turn = (time: number, period: number): number => Math.sin((2 * Math.PI * time) / period);
const isWorking = (time: number): boolean =>
  Math.floor(time / DAY) % 7 < 5 && time % DAY > 8 * HOUR && time % DAY < 17 * HOUR;
const exponential = (draw: Draw): number => -Math.log(1 - draw.uniform());
const laplace = (draw: Draw): number => draw.sign() * exponential(draw);

function poisson(draw: Draw, mean: number): number {
  let count = 0;
  for (let left = Math.exp(-mean), product = draw.uniform(); product > left; product *= draw.uniform()) count++;
  return count;
}

/** A wave of so many hours, of a drawn phase and noise. */
const period =
  (hours: number): Shape =>
  draw => {
    const [phase, noise] = [draw.uniform() * DAY, draw.between(0.1, 0.8)];
    return time => 12 + 4 * turn(time + phase, hours * HOUR) + noise * draw.gauss();
  };

/** x follows itself; `keep`: how much of it stays. */
const following =
  (keep: number, push: (draw: Draw) => number): Shape =>
  draw => {
    let x = 0;
    return () => {
      x = keep * x + push(draw);
      return 40 + x;
    };
  };

/** Goes through states, each of a level and a mean length in points. */
const states =
  (levels: readonly number[], noise: number): Shape =>
  draw => {
    const stay = levels.map(() => draw.between(15, 90));
    let state = 0;
    return () => {
      if (draw.uniform() < 1 / stay[state]!) state = (state + draw.whole(1, levels.length - 1)) % levels.length;
      return levels[state]! + noise * draw.gauss();
    };
  };

/** By family; a shape whose name ends in "meter" is summed up into a counter. */
export const STRANGERS: Readonly<Record<string, Readonly<Record<string, Shape>>>> = {
  noise: {
    'sum of dice': draw => () => draw.whole(1, 6) + draw.whole(1, 6) + draw.whole(1, 6),
    triangle: draw => () => draw.uniform() + draw.uniform(),
    'three steps of a coarse converter': draw => () => Math.round(0.8 * draw.gauss()) * 0.25 + 3.3,
    'about 5 a step': draw => () => poisson(draw, 5),
    'one of seven': draw => () => 100 * draw.whole(0, 6),
  },
  period: {
    '8 hours': period(8),
    '12 hours': period(12),
    '36 hours': period(36),
    tide: draw => time => 3 + turn(time, 12.42 * HOUR) + 0.4 * turn(time, 12 * HOUR) + 0.05 * draw.gauss(),
    'office hours': draw => time => (isWorking(time) ? 420 + 6 * draw.gauss() : 180 + 3 * draw.gauss()),
    'visitors by day': draw => time => poisson(draw, 0.3 + 12 * Math.max(0, turn(time - 7 * HOUR, DAY))),
    'saw tooth': (draw, step) => {
      const length = Math.round(draw.between(30, 300));
      return time => ((time / step) % length) / length + 0.02 * draw.gauss();
    },
    'day and night tariff': draw => time => (time % DAY < 6 * HOUR ? 60 : 20) + 4 * draw.uniform(),
  },
  wandering: {
    'random walk': following(1, draw => 0.2 * draw.gauss()),
    'slow return': following(0.995, draw => draw.gauss()),
    'steps of a walk': following(1, draw => (draw.uniform() < 0.2 ? draw.sign() : 0)),
    trend: draw => {
      let x = 0;
      const rise = draw.between(-0.003, 0.003);
      return () => {
        x += rise;
        return x + draw.gauss();
      };
    },
    'trend and day': (draw, step) => {
      const rise = draw.between(-2, 2);
      return time => 50 + (rise * time) / (2000 * step) + 5 * turn(time, DAY) + draw.gauss();
    },
    resonance: draw => {
      let [x, before] = [0, 0];
      return () => {
        [x, before] = [1.9 * x - 0.95 * before + draw.gauss(), x];
        return x;
      };
    },
  },
  counter: {
    'water meter': draw => time => (isWorking(time) ? poisson(draw, 3) : poisson(draw, 0.2)),
    'heat meter': draw => time => 2 + turn(time, DAY) + 0.3 * draw.gauss(),
    'steady meter': draw => () => 1.5 + 0.02 * draw.gauss(),
  },
  states: {
    pump: states([0, 7.5], 0.05),
    'three speeds': states([0, 40, 100], 0.5),
    'machine with a stand-by': states([3, 80, 95], 2),
    'battery, charged and drained': draw => {
      let [level, rate] = [60, -0.2];
      return () => {
        level += rate * draw.between(0.5, 1.5);
        if (level < 20) rate = draw.between(0.3, 1);
        if (level > 95) rate = -draw.between(0.05, 0.3);
        return Math.round(10 * level) / 10;
      };
    },
    'light, dark at night': draw => time => {
      const sun = turn((time % DAY) - 7 * HOUR, 26 * HOUR);
      return sun > 0 ? 300 * sun + 20 * draw.uniform() : 0;
    },
  },
  heavy: {
    Laplace: draw => () => 10 + laplace(draw),
    Pareto: draw => () => (1 - draw.uniform()) ** (-1 / 3),
    gamma: draw => () => exponential(draw) * draw.uniform(),
    'calm and wild by turns': draw => {
      let wild = 1;
      return () => {
        const x = Math.sqrt(wild) * draw.gauss();
        wild = 0.1 + 0.2 * x * x + 0.7 * wild;
        return x;
      };
    },
    'now and then five times as far': draw => () => (draw.uniform() < 0.02 ? 5 : 1) * draw.gauss(),
    'cube of noise': draw => () => draw.gauss() ** 3,
    'answer times': draw => () =>
      20 + 5 * Math.exp(0.7 * draw.gauss()) + (draw.uniform() < 0.01 ? 60 * draw.uniform() : 0),
  },
};

/** Places of faults, each in a stretch of its own, not in its last part. */
function plan(draw: Draw, length: number, kinds: readonly FaultKind[]): Planted[] {
  const stretch = (length - 1200) / kinds.length;
  const lasting = { spike: 2, shift: 400, drift: 500, stuck: 400, gap: 1 };
  return kinds.map((kind, n) => {
    const from = Math.floor(1200 + stretch * (n + 0.4 * draw.uniform()));
    return { kind, from, to: from + draw.whole(kind === 'spike' ? 1 : Math.ceil(lasting[kind] / 4), lasting[kind]) };
  });
}

/** A stranger with faults of these kinds, in this order, as large as its healthy range. */
export function stranger(
  name: string,
  shape: Shape,
  seed: number,
  kinds: readonly FaultKind[],
  length: number,
): DeviceSeries {
  const draw = draws(seed);
  const step = 1000 * draw.pick(STEPS_SECONDS);
  const [jitter, missing] = [step * draw.pick(JITTERS), draw.pick(MISSING)];
  const isCounter = name.endsWith('meter');
  const healthy = shape(draw, step);
  const faults = plan(draw, length, kinds);
  const gaps = new Set(faults.filter(({ kind }) => kind === 'gap').map(({ from }) => from));
  const [times, values] = [new Float64Array(length), new Float64Array(length)];
  let tick = Math.floor(draw.between(0, 7 * DAY) / step);
  let before = tick * step;
  for (let at = 0; at < length; at++) {
    tick += gaps.has(at) ? draw.whole(100, 300) : draw.uniform() < missing ? 2 : 1;
    const time = Math.round(tick * step + jitter * draw.between(-0.5, 0.5));
    times[at] = START + time;
    // A meter counts on while nobody asks.
    values[at] = healthy(time) * (isCounter && !gaps.has(at) ? (time - before) / step : 1);
    before = time;
  }
  const range = Math.max(...values) - Math.min(...values);
  for (const { kind, from, to } of faults) {
    const size = range * (isCounter ? 1 : draw.sign());
    const level = isCounter ? 0 : values[from]!;
    for (let at = from; at < to; at++) {
      if (kind === 'stuck') values[at] = level;
      else if (kind !== 'gap') values[at]! += kind === 'drift' ? (size * (at - from + 1)) / (to - from) : size;
    }
  }
  for (let at = 1; isCounter && at < length; at++) values[at]! += values[at - 1]!;
  return { shape: name, times, values, faults };
}
