// Devices: series as devices give them, with faults of recorded kind and place; a seed names a series for ever.
import { type Draw, draws } from './random.ts';

export type FaultKind = 'spike' | 'shift' | 'drift' | 'stuck' | 'gap';
export const FAULTS: readonly FaultKind[] = ['spike', 'shift', 'drift', 'stuck', 'gap'];

/** Rows `from` up to, not including, `to`; of a gap, the first row after it. */
export type Planted = { readonly kind: FaultKind; readonly from: number; readonly to: number };
export type DeviceSeries = {
  readonly shape: string;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly faults: readonly Planted[];
};

const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 5);
const SAMPLING_SECONDS = [10, 30, 60, 300, 900, 1800, 3600];

/** Value of a healthy device at a time (ms), called once a point, in order. */
type Healthy = (time: number, at: number) => number;
type Shape = { readonly make: (draw: Draw, step: number) => Healthy; readonly counts?: true };

const wave = (time: number, period: number, phase: number) => Math.sin(2 * Math.PI * (time / period + phase));

/** What a counter adds at each point is drawn by the rate; the counter itself is summed later, faults included. */
const SHAPES: Readonly<Record<string, Shape>> = {
  noise: { make: draw => () => 20 + draw.gauss() },
  'coarse noise': { make: draw => () => Math.round(10 * (20 + 0.4 * draw.gauss())) / 10 },
  uniform: { make: draw => () => draw.between(4, 20) },
  'following itself': {
    make: draw => {
      let x = 0;
      return () => {
        x = 0.95 * x + draw.gauss();
        return 50 + x;
      };
    },
  },
  'by day': {
    make: draw => {
      const [phase, size, noise] = [draw.uniform(), draw.between(3, 10), draw.between(0.2, 1)];
      return time => 20 + size * wave(time, DAY, phase) + noise * draw.gauss();
    },
  },
  'by day and week': {
    make: draw => {
      const [phase, noise] = [draw.uniform(), draw.between(2, 6)];
      return time => {
        const weekend = Math.floor(time / DAY + 3) % 7 >= 5;
        const busy = Math.max(0, wave(time, DAY, phase) + 0.3);
        return 30 + (weekend ? 15 : 60) * busy + noise * draw.gauss();
      };
    },
  },
  'by another period': {
    make: (draw, step) => {
      const [period, phase, noise] = [step * draw.between(20, 400), draw.uniform(), draw.between(0.1, 0.6)];
      return time => 50 + 5 * wave(time, period, phase) + 2 * wave(time, period / 2, phase / 3) + noise * draw.gauss();
    },
  },
  'sun power': {
    make: (draw, step) => {
      const noise = draw.between(0.02, 0.2);
      let cloud = 0;
      return time => {
        cloud = 0.9 * cloud + noise * Math.sqrt(step / 3e5) * draw.gauss();
        return Math.max(0, wave(time, DAY, -0.25)) * 5 * Math.exp(-Math.abs(cloud));
      };
    },
  },
  'energy counter': {
    counts: true,
    make: draw => {
      const phase = draw.uniform();
      return time => 0.2 + 0.15 * wave(time, DAY, phase) + 0.05 * draw.uniform();
    },
  },
  'pulse counter': { counts: true, make: draw => () => Math.floor(draw.between(0, 6)) },
  'on and off': {
    make: draw => {
      const [on, off] = [draw.between(10, 60), draw.between(10, 60)];
      let state = 0;
      return () => {
        if (draw.uniform() < 1 / (state ? on : off)) state = 1 - state;
        return state * 1200 + (state ? 15 : 2) * draw.gauss();
      };
    },
  },
  thermostat: {
    make: draw => {
      const [up, down] = [draw.between(0.1, 0.4), draw.between(0.02, 0.1)];
      let [x, heating] = [20, true];
      return () => {
        x += heating ? up : -down;
        if (x > 22) heating = false;
        if (x < 20) heating = true;
        return x + 0.03 * draw.gauss();
      };
    },
  },
  'Student t3': { make: draw => () => 100 + draw.student3() },
  exponential: { make: draw => () => -Math.log(1 - draw.uniform()) },
  lognormal: { make: draw => () => Math.exp(draw.gauss()) },
  'bursty load': {
    make: draw => {
      let x = 0;
      return () => {
        x = draw.uniform() < 0.02 ? draw.between(2, 6) : 0.8 * x;
        return 10 + 5 * x + draw.gauss();
      };
    },
  },
};
export const SHAPE_NAMES: readonly string[] = Object.keys(SHAPES);

/** Places faults with room between them; the order of the kinds is drawn. */
function plan(draw: Draw, length: number, kinds: readonly FaultKind[]): Planted[] {
  const order = kinds.map(kind => ({ kind, key: draw.uniform() })).sort((one, other) => one.key - other.key);
  const room = Math.floor((length - 1500) / Math.max(1, order.length));
  return order.map(({ kind }, n) => {
    const from = 1500 + n * room + draw.whole(0, Math.floor(room / 4));
    const lasting = {
      spike: draw.whole(1, 3),
      shift: draw.whole(50, 300),
      drift: draw.whole(150, 400),
      gap: 1,
      stuck: draw.whole(100, 250),
    };
    return { kind, from, to: from + lasting[kind] };
  });
}

/** A device of `shape` with one fault of each of `kinds`. `size` of a fault: 1 = the range of the healthy series. */
export function deviceSeries(
  shape: string,
  seed: number,
  { length = 8000, kinds = FAULTS, size = 1 }: { length?: number; kinds?: readonly FaultKind[]; size?: number } = {},
): DeviceSeries {
  const { make, counts } = SHAPES[shape] as Shape;
  const draw = draws(seed);
  const step = 1000 * draw.pick(SAMPLING_SECONDS);
  const jitter = draw.uniform() < 0.5 ? 0 : 0.05 * step;
  const faults = plan(draw, length, kinds);
  const times = new Float64Array(length);
  let time = START + Math.floor(draw.between(0, 7) * DAY);
  for (let at = 0; at < length; at++) {
    time += faults.some(({ kind, from }) => kind === 'gap' && from === at) ? step * draw.whole(100, 400) : step;
    times[at] = Math.round(time + jitter * draw.between(-1, 1));
  }
  const healthy = make(draw, step);
  const values = Float64Array.from(times, (one, at) => healthy(one, at));
  let [low, high] = [values[0] as number, values[0] as number];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  const range = size * (high - low);
  for (const { kind, from, to } of faults) {
    // A counter does not run backwards.
    const by = range * (counts ? 1 : draw.sign());
    const level = values[from] as number;
    for (let at = from; at < to; at++) {
      if (kind === 'spike' || kind === 'shift') values[at] = (values[at] as number) + by;
      if (kind === 'drift') values[at] = (values[at] as number) + (by * (at - from + 1)) / (to - from);
      if (kind === 'stuck') values[at] = counts ? 0 : level;
    }
  }
  if (counts) {
    let sum = 1000 * draw.uniform();
    for (let at = 0; at < length; at++) {
      sum += values[at] as number;
      values[at] = sum;
    }
  }
  return { shape, times, values, faults };
}
