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
const BELIEF = 10;
// Halved at this count, so that a series may change its manners.
const FORGET_AT = 8000;
const REFRESH_EVERY = 32;

export type Tail = {
  /** −ln of the chance of so large a deviation, given as its logarithm (−Infinity: none); 10 is about one in 20,000. */
  surprise(ln: number): number;
  /** The deviation that has this surprise. */
  deviationAt(surprise: number): number;
  learn(ln: number): void;
};

/**
 * Beyond its upper 2 % the history is taken for a power law, whose slope is the mean logarithmic excess (Hill's estimator),
 * drawn towards a usual one while there are few points. Heavy tails calm themselves by that, light ones stay sharp.
 */
export function tail(): Tail {
  const bins = new Float32Array(BINS);
  let count = 0;
  let unseen = 0;
  let floor = LOWEST;
  let slope = USUAL_SLOPE;

  const refresh = () => {
    unseen = 0;
    let above = 0;
    let excess = 0;
    let at = BINS - 1;
    for (; at > 0 && above + (bins[at] as number) <= SHARE * count; at--) above += bins[at] as number;
    floor = LOWEST + (at + 1) * WIDTH;
    for (let bin = at + 1; bin < BINS; bin++) excess += (bins[bin] as number) * (bin - at - 0.5) * WIDTH;
    slope = (excess + BELIEF * USUAL_SLOPE) / (above + BELIEF);
  };

  return {
    surprise(ln) {
      const beyond = ln - floor;
      return beyond > 0 ? AT_FLOOR + beyond / slope : Math.max(0, AT_FLOOR + beyond);
    },
    deviationAt: surprise => Math.exp(floor + Math.max(0, surprise - AT_FLOOR) * slope),
    learn(ln) {
      const at = Math.min(BINS - 1, Math.max(0, Math.floor((ln - LOWEST) / WIDTH)));
      bins[at] = (bins[at] as number) + 1;
      count++;
      if (count > FORGET_AT) {
        for (let one = 0; one < BINS; one++) bins[one] = (bins[one] as number) / 2;
        count /= 2;
      }
      if (++unseen >= REFRESH_EVERY || count < 100) refresh();
    },
  };
}
