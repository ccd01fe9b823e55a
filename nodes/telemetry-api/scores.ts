// Two questions about scores: `scores`, the last stored values of a metric with their band and score as points of a chart, and `series`, what has such values.
import { deployedOptions } from '../../src/anomaly/deployed.ts';
import { storedPoints, storedSeries, type StoredSeries } from '../../src/anomaly/stored.ts';
import { trial } from '../../src/anomaly/trial.ts';
import { latestAnomalies } from '../../src/api/anomalies.ts';
import type { Ask } from '../../src/api/answers.ts';
import { unitShown } from '../../src/api/display.ts';
import type { Query } from '../../src/reading/contracts.ts';

/** Values before the ones shown that the score learns from. */
const LEARNED = 1000;
const MOST_SHOWN = 2000;

/**
 * One point of a line: `value`, `low` and `high` (of the band), `score`; of a counter the rise per second. `x` in ms since the
 * epoch; `unit` of all but the score, where the metric has one.
 */
export type ScorePoint = StoredSeries & {
  line: 'value' | 'low' | 'high' | 'score';
  unit?: string;
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
  const points = await storedPoints(query, series, LEARNED + count, count);
  const { shown, isRate } = trial(points, series.metric, deployedOptions(series.device, series.metric) ?? {}, count);
  // What was said when it came stands; what stands nowhere is judged anew, as the deployed node would.
  const said = points.slice(points.length - shown.length).map(point => point.said);
  const unit = [unitShown(series.metric) ?? [], isRate ? 'per second' : []].flat().join(' ');
  const named = unit === '' ? series : { ...series, unit };
  return shown.flatMap(({ time: x, watched, ...anew }, at): ScorePoint[] => {
    const { band, score } = said[at] ?? anew;
    const point = (line: ScorePoint['line'], y: number): ScorePoint => ({
      ...named,
      line,
      x,
      y: Number(y.toPrecision(6)),
    });
    const edges = band === undefined ? [] : [point('low', band[0]), point('high', band[1])];
    return [point('value', watched), ...edges, point('score', score)];
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
