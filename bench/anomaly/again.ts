// Again: faults of one kind that come four times in a series; whether the first excuses the next.
import type { Report } from '../figure.ts';
import { type DeviceSeries, deviceSeries, type FaultKind, FAULTS, SHAPE_NAMES } from './devices.ts';
import { isFound, judge, noFinds, perTenThousand } from './judge.ts';
import { STRANGERS, stranger } from './strangers.ts';

const TIMES = 4;
/** Series a shape and kind. */
const SERIES = 4;
const LENGTH = 10_000;
const FIRST_SEED = 8_140_300;

type Maker = (seed: number, kinds: readonly FaultKind[]) => DeviceSeries;
const makers: Readonly<Record<string, readonly Maker[]>> = {
  devices: SHAPE_NAMES.map(shape => (seed, kinds) => deviceSeries(shape, seed, { length: LENGTH, kinds })),
  strangers: Object.values(STRANGERS)
    .flatMap(shapes => Object.entries(shapes))
    .map(
      ([name, shape]): Maker =>
        (seed, kinds) =>
          stranger(name, shape, seed, kinds, LENGTH),
    ),
};

export function again(scoresOf: (times: Float64Array, values: Float64Array) => number[], report: Report): void {
  report.table(`${TIMES} faults of one kind in a series of ${LENGTH} points, ${SERIES} series a shape: found`, [
    ...['shapes', 'kind', 'the first', 'second', 'third', 'fourth'],
    'false alarms in 10,000, between faults',
  ]);
  let seed = FIRST_SEED;
  for (const [generator, shapes] of Object.entries(makers))
    for (const kind of FAULTS) {
      const finds = noFinds();
      const found = Array<number>(TIMES).fill(0);
      for (const make of shapes)
        for (let n = 0; n < SERIES; n++) {
          const one = make(seed++, Array<FaultKind>(TIMES).fill(kind));
          const scores = scoresOf(one.times, one.values);
          judge(one, scores, finds);
          for (const [place, fault] of one.faults.toSorted((a, b) => a.from - b.from).entries())
            if (isFound(fault, scores)) found[place]!++;
        }
      const shares = found.map(count => `${Math.round((100 * count) / (shapes.length * SERIES))} %`);
      report.row(generator, kind, ...shares, perTenThousand(finds).toFixed(2));
    }
}
