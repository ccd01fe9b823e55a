// Two questions about scores: `scores`, the last stored values of a metric with their band and score as points of a chart, and `series`, what has such values.
import { deployedFor } from '../../src/anomaly/deployed.ts';
import { storedPoints, storedSeries, type StoredSeries } from '../../src/anomaly/stored.ts';
import { TRIED, trial } from '../../src/anomaly/trial.ts';
import { SECONDS_AN_HOUR, UNKNOWN, unitIn } from '../../src/anomaly/why.ts';
import { latestAnomalies } from '../../src/api/anomalies.ts';
import type { Ask } from '../../src/api/answers.ts';
import type { Query } from '../../src/reading/contracts.ts';

const MOST_SHOWN = 2000;

/**
 * One point of a line: `value`, `low` and `high` (of the band, where it ends on that side), `score`; of a counter its rise, by the second or
 * hour as `unit` says, and none where it began anew. `x` in ms since the epoch; `unit` of all but the score, where the metric has one.
 * `learning`: so many values are stored, all of which only taught.
 */
export type ScorePoint = StoredSeries & {
  line: 'value' | 'low' | 'high' | 'score';
  unit?: string;
  learning?: number;
  x: number;
  y: number;
};

/** Undefined for any other question. */
export function scoresAsked(query: Query, ask: Ask): Promise<readonly object[]> | undefined {
  if (ask.what === 'series') return storedSeries(query);
  return ask.what === 'scores' ? scorePoints(query, ask) : undefined;
}

/** Of `device` and `metric`; where one is left out, of the latest anomaly, else of the first device that has numbers. */
async function scorePoints(query: Query, ask: Ask): Promise<readonly ScorePoint[]> {
  const series = await seriesOf(query, ask);
  if (series === undefined) return [];
  const count = Math.min(MOST_SHOWN, Math.max(1, Math.floor(Number(ask['points'])) || 1));
  const { points, unit: carried } = await storedPoints(query, series, TRIED, count);
  const deployed = deployedFor(series.device, series.metric);
  const options = { ...deployed?.options, unheard: deployed?.unheard };
  const { shown, per, learning, scored } = await trial(points, series.metric, options, count);
  const scale = per === 'h' ? SECONDS_AN_HOUR : 1;
  const unit = unitIn(series.metric, carried, per);
  const isLearning = learning === scored;
  const named = { ...series, ...(unit === '' ? {} : { unit }), ...(isLearning ? { learning: scored } : {}) };
  // What was said when it came stands; what stands nowhere is judged anew, as the deployed node would.
  return shown.flatMap(({ at, time: x, watched, ...anew }): ScorePoint[] => {
    const stood = points[at]?.said;
    const score = stood?.score ?? anew.score;
    const band = stood ? stood.band?.map(edge => scale * edge) : anew.band;
    const point = (line: ScorePoint['line'], y = Number.NaN): ScorePoint[] =>
      Math.abs(y) < UNKNOWN ? [{ ...named, line, x, y: Number(y.toPrecision(6)) }] : [];
    return [point('value', watched), point('low', band?.[0]), point('high', band?.[1]), point('score', score)].flat();
  });
}

async function seriesOf(query: Query, { device, metric }: Ask): Promise<StoredSeries | undefined> {
  if (typeof device === 'string' && typeof metric === 'string' && device !== '' && metric !== '')
    return { device, metric };
  const [latest] = await latestAnomalies(query, 1);
  if (latest !== undefined) return { device: latest.device_id, metric: latest.metric };
  const [first] = await storedSeries(query);
  return first;
}
