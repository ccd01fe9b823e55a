// Device: scores all numeric metrics of a reading in one pass; the lowest score is the reading's anomaly.
import type { Ticket } from '../kernel/ticket.ts';
import { carriedUnit } from '../reading/carried-unit.ts';
import { milliseconds } from '../reading/instant.ts';
import type { Alarm, Also, Anomaly, Reading } from '../reading/reading.ts';
import type { StoredValue } from './catch-up.ts';
import type { Known } from './cells.ts';
import { watchedOf } from './counter.ts';
import { type Accepted, accept, retract } from './feedback.ts';
import { memories, type Metrics, shortKey } from './memories.ts';
import { lastTimeOf, noteTime, type Unheard, usualPause } from './rhythm.ts';
import { alarmOf, explain, type Scored, type ScoreOptions, scoring } from './score.ts';
import { isState, restore, save } from './state.ts';
import { tails } from './tails.ts';
import { isAnomaly, toldResults } from './told.ts';
import { why } from './why.ts';

export type DeviceScorerOptions = ScoreOptions & {
  /** Above this the series of the key that was quiet for longest are forgotten. */
  maxSeries?: number;
  /**
   * Milliseconds between two times in which nobody listened to what sends readings like this one, undefined of one that is
   * learned from what is stored: that is no silence of its device.
   */
  unheard?: (reading: Reading | undefined, from: number, to: number) => number;
  /** Readings whose result is remembered, so that one that is sent again is not scored as a new point. */
  remembered?: number;
};

export type DeviceScorer = {
  /**
   * Result for a reading whose metrics belong to the series of `key`; undefined when it has no number.
   * `guarded`: nobody wants to hear of it (maintenance); it is neither judged nor learned.
   */
  score(reading: Reading, key?: string, guarded?: boolean): Anomaly | undefined;
  /** What was said of a reading was wrong: its value was normal. Of one that was never scored all values; answers how many series know it now. */
  accept(reading: Reading, key?: string): number;
  /** That was wrong too: its value is judged as before. Answers how many series had been told that it was normal, and remember it. */
  retract(reading: Reading, key?: string): number;
  /**
   * Learns a stored value; false when its series had `seen` (ms) what was of this time. A series that is not known begins
   * with it, where there is room: none is forgotten for it.
   */
  learn(stored: StoredValue, seen: number): boolean;
  /** Time (ms) of the last value that a series has seen; undefined of one that is not known, or has no times. */
  lastTime(key: string, metric: string): number | undefined;
  /** The pause (ms) between two of its values as a rule; undefined of one that has shown none. */
  usualPause(key: string, metric: string): number | undefined;
  /** The readings of these results are on their way to be stored: where the process ends before they are, they come again. */
  underWay(ticket: Ticket | undefined, results: readonly Anomaly[]): void;
  /**
   * What each series knows, to be saved, and what was said of readings that have not settled. Changes that come while
   * somebody walks through are in or not, series by series.
   */
  states(): IterableIterator<readonly [name: string, state: Uint8Array]>;
  /** Takes over a series, in the place of one that is known by its name; false when its state is of another version. Those restored first are forgotten first. */
  restore(name: string, state: Uint8Array): boolean;
  readonly size: number;
  readonly evicted: number;
};

/** Series of a reading by default: its device; of a hand-held laser meter, what it measures (SPEC §4). */
export function seriesKey({
  deviceId,
  telemetry,
  metadata,
}: Pick<Reading, 'deviceId' | 'telemetry' | 'metadata'>): string {
  if (telemetry['value_mm'] === undefined) return deviceId;
  // A flow of one's own may number its elements, or leave them empty.
  const given = [metadata.elementId, metadata.elementType].find(element => String(element ?? '') !== '');
  return String(given ?? deviceId);
}

/** The time (ms) by which a metric is judged: somebody walks about with a laser meter, its measurements have no rhythm. */
export const rhythmOf = (metric: string, time: number): number => (metric === 'value_mm' ? Number.NaN : time);

const identityOf = (device: string, time: number, digest: string): string => `${digest}${time}${shortKey(device)}`;

/** Each row of a reading has all of them: of a hundred metrics a pause would make a megabyte. */
const MOST_ALSO = 16;

type Meant = { readonly [Part in 'metric' | 'kind' | 'value' | 'judged' | 'expected' | 'band' | 'since']?: unknown };

/** The values a person has a word for: those that were reported, of a reading that was never scored all. It may have come over a wire. */
function meantBy({ telemetry, metadata }: Reading): readonly Meant[] {
  const said = metadata.anomaly;
  if (said?.metric === undefined) return Object.entries(telemetry).map(([metric, value]) => ({ metric, value }));
  const also: readonly unknown[] = Array.isArray(said.also) ? said.also : [];
  const others = also.filter((one): one is Meant => typeof one === 'object' && one !== null);
  return [{ ...said, value: telemetry[said.metric] }, ...others];
}

const finite = (given: unknown): number | undefined =>
  typeof given === 'number' && Number.isFinite(given) ? given : undefined;

let written = { time: Number.NaN, text: '' };
/** The last one is remembered: after a silence all metrics of a device, reading by reading, tell of the same moment. */
function isoOf(time: number): string {
  if (time !== written.time) written = { time, text: new Date(time).toISOString() };
  return written.text;
}

function alarmIn(metric: string, { severity, kind, since }: NonNullable<Scored['alarm']>): Alarm {
  const told = { metric, severity, kind };
  return since === undefined ? told : { ...told, since: isoOf(since) };
}

export function deviceScorer(options: DeviceScorerOptions = {}): DeviceScorer {
  const { maxSeries = 10_000, remembered = 10_000 } = options;
  const { score, pass } = scoring(options);
  const known = memories(maxSeries);
  const results = toldResults(remembered);
  let judged: Reading | undefined;
  const { unheard } = options;
  const deaf: Unheard | undefined = unheard && ((from, to) => unheard(judged, from, to));

  const take = (one: Known, metric: string, time: number, value: number, guarded: boolean): number => {
    const when = rhythmOf(metric, time);
    if (Number.isNaN(when)) noteTime(one.cells, time);
    if (!guarded) return score(one, when, value, deaf);
    pass(one, when, value);
    return 1;
  };

  const stored = tails((one, { metric, time, value, guarded }) => {
    const now = judged;
    judged = undefined;
    take(one, metric, time, value, guarded);
    judged = now;
  });

  const judge = (reading: Reading, time: number, key: string, guarded: boolean): Anomaly | undefined => {
    const metrics = known.of(key);
    judged = reading;
    let lowest: Known | undefined;
    let least = 0;
    let metric = '';
    let alarms: Alarm[] | undefined;
    for (const name in reading.telemetry) {
      const value = reading.telemetry[name];
      if (typeof value !== 'number' || !Number.isFinite(value)) continue;
      const one = metrics.get(shortKey(name)) ?? known.begin(key, name);
      stored.release(one, time);
      const scored = take(one, name, time, value, guarded);
      const alarm = alarmOf(one.cells);
      if (alarm !== undefined) {
        alarms ??= [];
        alarms.push(alarmIn(name, alarm));
      }
      if (lowest !== undefined && scored >= least) continue;
      lowest = one;
      least = scored;
      metric = name;
    }
    if (lowest === undefined) return undefined;
    const scored = explain(lowest, options);
    const { since, alarm: _, isMean: __, ...told } = scored;
    const anomaly: Anomaly = { ...told, metric };
    if (told.severity !== undefined) anomaly.why = whyOf(lowest, scored, reading, metric);
    if (since !== undefined) anomaly.since = isoOf(since);
    if (alarms !== undefined) anomaly.alarms = alarms;
    const also = anomaly.score < 0 ? alsoReported(reading, metrics, lowest) : [];
    if (also.length > 0) anomaly.also = also;
    return anomaly;
  };

  /** What happens to a device shows in several of its metrics: those that are reported beside the lowest, the worst first. */
  const alsoReported = (reading: Reading, metrics: Metrics, lowest: Known): Also[] => {
    const all = Object.entries(reading.telemetry).flatMap(([metric, value]): Also[] => {
      const one = metrics.get(shortKey(metric));
      if (one === undefined || one === lowest || typeof value !== 'number' || !Number.isFinite(value)) return [];
      const scored = explain(one, options);
      if (!(scored.score < 0)) return [];
      const { score: least, kind, expected, band, judged, since } = scored;
      const also: Also = { score: least, metric, kind, value };
      // Of a pause the value is mostly as it has to be.
      const isOdd = band !== undefined && ((judged ?? value) < band[0] || (judged ?? value) > band[1]);
      if (isOdd) Object.assign(also, { expected, band });
      if (judged !== undefined) also.judged = judged;
      if (since !== undefined) also.since = isoOf(since);
      return [also];
    });
    return all.sort((one, other) => one.score - other.score).slice(0, MOST_ALSO);
  };
  const whyOf = (one: Known, scored: Scored, reading: Reading, metric: string): string =>
    why(one, scored, metric, Number(reading.telemetry[metric]), carriedUnit(reading, metric));

  /** Of a reading that was scored before a restart: the series that were saved before it came have not learned it. */
  const learnUnknown = (reading: Reading, time: number, key: string, guarded: boolean): void => {
    judged = reading;
    for (const [metric, value] of Object.entries(reading.telemetry)) {
      if (finite(value) === undefined) continue;
      const one = known.of(key).get(shortKey(metric));
      if (one !== undefined) stored.release(one, time);
      if (one === undefined || !(time <= lastTimeOf(one.cells)))
        take(one ?? known.begin(key, metric), metric, time, Number(value), guarded);
    }
  };

  /** Tells the series that a person means; answers how many heeded it. */
  const tell = (reading: Reading, key = seriesKey(reading), heeds: (one: Known, said: Accepted) => boolean): number => {
    let heeded = 0;
    const metrics = known.of(key);
    for (const { metric, kind, value: given, judged, expected, band, since } of meantBy(reading)) {
      const one = typeof metric === 'string' ? metrics.get(shortKey(metric)) : undefined;
      if (one === undefined) continue;
      const { isRate } = watchedOf(one);
      const value = finite(isRate ? judged : given);
      if (value === undefined) continue;
      // Of what is no counter only a mean is judged in place of the value.
      const mean = kind === 'drift' || !isRate ? finite(judged) : undefined;
      const pause = finite(Date.parse(reading.timestamp) - Date.parse(String(since)));
      const named = typeof kind === 'string' ? kind : 'normal';
      const [low, high] = Array.isArray(band) ? band.map(finite) : [];
      if (heeds(one, { kind: named, value, mean, expected: finite(expected), low, high, pause })) heeded++;
    }
    return heeded;
  };

  return {
    score(reading, key = seriesKey(reading), guarded = false) {
      const { digest } = reading.metadata;
      const time = milliseconds(reading.timestamp);
      if (digest === undefined) return judge(reading, time, key, guarded);
      const identity = identityOf(reading.deviceId, time, digest);
      const before = results.of(identity);
      if (before !== undefined) return before;
      const resumed = results.resumed(identity);
      if (resumed !== undefined) learnUnknown(reading, time, key, guarded);
      const anomaly = resumed ?? judge(reading, time, key, guarded);
      if (anomaly !== undefined) results.remember(identity, anomaly);
      return anomaly;
    },
    accept: (reading, key) =>
      tell(reading, key, (one, said) => {
        accept(one, said);
        return true;
      }),
    retract: (reading, key) => tell(reading, key, retract),
    learn({ key, metric, time, value, device, digest, anomaly }, seen) {
      // A message that was not acknowledged before the crash comes again, and its rows are there.
      if (isAnomaly(anomaly)) results.remember(identityOf(device, time, digest), anomaly);
      const met = known.of(key).get(shortKey(metric));
      if (met === undefined ? known.size >= maxSeries : time <= seen) return false;
      const guarded = isAnomaly(anomaly) && anomaly.kind === 'guarded';
      stored.put(met ?? known.begin(key, metric), { metric, time, value, guarded });
      return true;
    },
    lastTime(key, metric) {
      const met = known.of(key).get(shortKey(metric));
      const time = met === undefined ? Number.NaN : lastTimeOf(met.cells);
      return Number.isNaN(time) ? undefined : time;
    },
    usualPause(key, metric) {
      const met = known.of(key).get(shortKey(metric));
      const usual = met === undefined ? 0 : usualPause(met.cells);
      return usual > 0 ? usual : undefined;
    },
    underWay: results.underWay,
    *states() {
      for (const [name, one] of known.entries()) {
        stored.release(one);
        yield [name, save(one)];
      }
      // Behind the series: what one of them learned is there then, whenever in between it came.
      yield* results.states();
    },
    restore: (name, state) => results.restore(name, state) ?? (isState(state) && restore(known.named(name), state)),
    get size() {
      return known.size;
    },
    get evicted() {
      return known.forgotten;
    },
  };
}
