// NAB: the scores of the Numenta Anomaly Benchmark, from the formulas of its paper (Lavin & Ahmad 2015, section II-C).

export type Profile = {
  readonly name: string;
  readonly hit: number;
  readonly falseRow: number;
  readonly missed: number;
};

export const PROFILES: readonly Profile[] = [
  { name: 'standard', hit: 1, falseRow: 0.11, missed: 1 },
  { name: 'low FP', hit: 1, falseRow: 0.22, missed: 1 },
  { name: 'low FN', hit: 1, falseRow: 0.11, missed: 2 },
];

/** Scores of one file, a row each, below 0 = anomaly; windows as first and last row, in order. */
export type Judged = { readonly scores: readonly number[]; readonly windows: readonly (readonly [number, number])[] };

export type Outcome = {
  /** 0 for a detector that says nothing, 100 for one that finds every window at its first row and nothing else. */
  score: number;
  threshold: number;
  windowsHit: number;
  falseRows: number;
};

const PROBATION = 0.15;
const LONGEST_PROBATION_FILE = 5000;

/** +1 far before the end of a window, 0 at its end, −1 far behind it. */
function worth(position: number): number {
  return position > 3 ? -1 : 2 / (1 + Math.exp(5 * position)) - 1;
}

/** `window`: its number in the corpus, −1 for a row outside. `pay`: before the profile's weights. */
type Row = { score: number; window: number; pay: number };

/** All rows that count, and how many windows there are. */
function rowsOf(files: readonly Judged[]): { rows: Row[]; windows: number; countable: number } {
  const rows: Row[] = [];
  let before = 0;
  const seen = new Set<number>();
  for (const { scores, windows } of files) {
    const probation = Math.floor(PROBATION * Math.min(scores.length, LONGEST_PROBATION_FILE));
    let next = 0;
    let past: readonly [number, number] | undefined;
    scores.forEach((score, at) => {
      let window = windows[next];
      if (window !== undefined && at > window[1]) {
        past = window;
        window = windows[++next];
      }
      const inside = window !== undefined && at >= window[0];
      if (at < probation) return;
      if (inside && window !== undefined) {
        const pay = worth(-(window[1] - at + 1) / (window[1] - window[0] + 1)) / worth(-1);
        rows.push({ score, window: before + next, pay });
        seen.add(before + next);
      } else
        rows.push({ score, window: -1, pay: past === undefined ? -1 : worth((at - past[1]) / (past[1] - past[0])) });
    });
    before += windows.length;
  }
  return { rows, windows: before, countable: seen.size };
}

/** Outcome with `threshold` (rows below it are detections), or with the best one when none is given. */
export function nabScore(files: readonly Judged[], profile: Profile, threshold?: number): Outcome {
  const { rows, windows, countable } = rowsOf(files);
  rows.sort((one, other) => one.score - other.score);
  const paid = new Map<number, number>();
  const nothing = -profile.missed * countable;
  let total = nothing;
  let falseRows = 0;
  let best = { total, threshold: Number.NEGATIVE_INFINITY, windowsHit: 0, falseRows: 0 };
  rows.forEach(({ score, window, pay }, at) => {
    if (threshold !== undefined && score >= threshold) return;
    if (window < 0) {
      total += pay * profile.falseRow;
      falseRows++;
    } else {
      const before = paid.get(window) ?? -profile.missed;
      const after = Math.max(before, pay * profile.hit);
      paid.set(window, after);
      total += after - before;
    }
    // Rows of equal score are detected together.
    const last = rows[at + 1]?.score !== score;
    if (last && (threshold !== undefined || total > best.total))
      best = { total, threshold: score, windowsHit: paid.size, falseRows };
  });
  const perfect = profile.hit * windows;
  return {
    score: (100 * (best.total - nothing)) / (perfect - nothing),
    threshold: threshold ?? best.threshold,
    windowsHit: best.windowsHit,
    falseRows: best.falseRows,
  };
}
