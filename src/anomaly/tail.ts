// Tail: how surprising a deviation is, measured by the deviations the series has shown before.

// Histogram of ln(deviation): from e^-6 to e^6.8 scales, a tenth a bin.
const BINS = 128;
const LOWEST = -6;
const WIDTH = 0.1;
/** The upper share of the history that counts as the tail. */
const SHARE = 0.02;
const AT_FLOOR = -Math.log(SHARE);
// What the slope is believed to be before the tail has points of its own, and how many points that belief is worth.
const USUAL_SLOPE = 0.3;
const BELIEF = 5;
// Halved at this count, so that a series may change its manners.
const FORGET_AT = 8000;
const REFRESH_EVERY = 32;
// A fault that lasts must not become the yardstick: of a run of great surprises the first counts and the rest hardly,
// until the run is so long that it is the new manner of the series.
const SAME_RUN = 12;
const NEW_MANNER = 200;
const REST_WEIGHT = 0.03;

export type Tail = {
  /** −ln of the chance of so large a deviation, given as its logarithm (−Infinity: none); 10 is about one in 20,000. */
  surprise(ln: number): number;
  /** The deviation that has this surprise. */
  deviationAt(surprise: number): number;
  /** Learns a deviation and the surprise it was. */
  learn(ln: number, surprise: number): void;
};

/**
 * Beyond its upper 2 % the history is taken for a power law, whose slope is the mean logarithmic excess (Hill's estimator),
 * drawn towards a usual one while there are few points. Heavy tails calm themselves by that. Where the slope is less than
 * that of an exponential tail, the tail ends sooner than any power law: its surprise bends upwards (as x² for a Gaussian).
 */
export function tail(great = 6): Tail {
  const it = {
    bins: new Float32Array(BINS),
    count: 0,
    unseen: 0,
    floor: LOWEST,
    slope: USUAL_SLOPE,
    bend: 0,
    sinceGreat: 1e9,
    run: 0,

    refresh(): void {
      it.unseen = 0;
      let above = 0;
      let excess = 0;
      let at = BINS - 1;
      for (; at > 0 && above + (it.bins[at] as number) <= SHARE * it.count; at--) above += it.bins[at] as number;
      it.floor = LOWEST + (at + 1) * WIDTH;
      for (let bin = at + 1; bin < BINS; bin++) excess += (it.bins[bin] as number) * (bin - at - 0.5) * WIDTH;
      it.slope = (excess + BELIEF * USUAL_SLOPE) / (above + BELIEF);
      it.bend = Math.min(1, Math.max(0, 1 / (it.slope * AT_FLOOR) - 1));
    },

    surprise(ln: number): number {
      const beyond = ln - it.floor;
      if (!(beyond > 0)) return Math.max(0, AT_FLOOR + beyond);
      const bent = it.bend > 0.01 ? Math.expm1(Math.min(30, it.bend * beyond)) / it.bend : beyond;
      return AT_FLOOR + bent / it.slope;
    },

    deviationAt(surprise: number): number {
      const bent = Math.max(0, surprise - AT_FLOOR) * it.slope;
      return Math.exp(it.floor + (it.bend > 0.01 ? Math.log1p(it.bend * bent) / it.bend : bent));
    },

    learn(ln: number, surprise: number): void {
      let weight = 1;
      it.sinceGreat++;
      it.run++;
      if (surprise > great) {
        if (it.sinceGreat < SAME_RUN && it.run < NEW_MANNER) weight = REST_WEIGHT;
        else it.run = 0;
        it.sinceGreat = 0;
      }
      const at = Math.min(BINS - 1, Math.max(0, Math.floor((ln - LOWEST) / WIDTH)));
      it.bins[at] = (it.bins[at] as number) + weight;
      it.count += weight;
      if (it.count > FORGET_AT) {
        for (let one = 0; one < BINS; one++) it.bins[one] = (it.bins[one] as number) / 2;
        it.count /= 2;
      }
      if (++it.unseen >= REFRESH_EVERY || it.count < 100) it.refresh();
    },
  };
  return it;
}
