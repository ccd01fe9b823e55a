// Device: scores all numeric metrics of a reading in one pass; the lowest score is the reading's anomaly.
import { boundedMap } from '../kernel/bounded.ts';
import type { Anomaly, Reading } from '../reading/reading.ts';
import { type Scored, type Series, series } from './score.ts';

export type Sensitivity = 'low' | 'medium' | 'high';
const LIMITS: Readonly<Record<Sensitivity, number>> = { low: 14, medium: 10, high: 8 };

export type DeviceScorerOptions = {
  sensitivity?: Sensitivity;
  /** Above this the series that was quiet for longest is forgotten. */
  maxSeries?: number;
  /** Readings whose result is remembered, so that one that is sent again is not scored as a new point. */
  remembered?: number;
};

export type DeviceScorer = {
  /** Result for a reading whose metrics belong to the series of `key`; undefined when it has no number. */
  score(reading: Reading, key?: string): Anomaly | undefined;
  readonly size: number;
  readonly evicted: number;
};

/** Series of a reading by default: its device; of a hand-held laser meter, what it measures (SPEC §4). */
export function seriesKey({ deviceId, telemetry, metadata }: Reading): string {
  if (telemetry['value_mm'] === undefined) return deviceId;
  return metadata.elementId ?? metadata.elementType ?? deviceId;
}

export function deviceScorer(options: DeviceScorerOptions = {}): DeviceScorer {
  const { sensitivity = 'medium', maxSeries = 10_000, remembered = 10_000 } = options;
  const limit = LIMITS[sensitivity];
  const known = boundedMap<string, Series>(maxSeries);
  // Two generations instead of one list in order of age: forgetting costs nothing.
  let recent = new Map<string, Anomaly>();
  let older = new Map<string, Anomaly>();

  const seriesOf = (key: string): Series => {
    let found = known.get(key);
    if (found === undefined) {
      found = series({ limit });
      known.set(key, found);
    }
    return found;
  };

  const judge = (reading: Reading, key: string): Anomaly | undefined => {
    const time = Date.parse(reading.timestamp);
    let lowest: Scored | undefined;
    let metric = '';
    for (const name in reading.telemetry) {
      const value = reading.telemetry[name];
      if (typeof value !== 'number' || !Number.isFinite(value)) continue;
      // Somebody walks about with a laser meter: its measurements have no rhythm.
      const when = name === 'value_mm' || Number.isNaN(time) ? undefined : time;
      const scored = seriesOf(`${key}\n${name}`).score(when, value);
      if (lowest !== undefined && scored.score >= lowest.score) continue;
      lowest = scored;
      metric = name;
    }
    if (lowest === undefined) return undefined;
    const { since, ...told } = lowest;
    return since === undefined ? { ...told, metric } : { ...told, metric, since: new Date(since).toISOString() };
  };

  return {
    score(reading, key = seriesKey(reading)) {
      const { digest } = reading.metadata;
      if (digest === undefined) return judge(reading, key);
      const identity = `${digest}${reading.timestamp}${reading.deviceId}`;
      const before = recent.get(identity) ?? older.get(identity);
      if (before !== undefined) return before;
      const anomaly = judge(reading, key);
      if (anomaly !== undefined) recent.set(identity, anomaly);
      if (recent.size >= remembered) {
        older = recent;
        recent = new Map();
      }
      return anomaly;
    },
    get size() {
      return known.size;
    },
    get evicted() {
      return known.evicted;
    },
  };
}
