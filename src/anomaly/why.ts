// Why: what was said of a value in a sentence, for a person who knows nothing of the method.
import { unitOf } from '../reading/units.ts';
import type { Known } from './cells.ts';
import { visitsBefore } from './codes.ts';
import { watchedOf } from './counter.ts';
import { lastTimeOf, usualBeforeGap, usualPause } from './rhythm.ts';
import { endedLength, endedValue, usualLength } from './runs.ts';
import type { Scored } from './score.ts';
import { standing } from './stillness.ts';
import { standingZeros } from './zeros.ts';

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];
/** A band that goes so far has no end there: the series is too young to know, or nobody asked for that side. */
export const UNKNOWN = 1e100;

/** Several of a kind in one device: `temperature_2`, `temperature_probe_2`. */
const NUMBERED = /(_probe)?_\d+$/;
/** Where rates that pass are below this, a second, they are told by the hour, as is one that is far beyond. */
const SLOW = 0.01;
export const SECONDS_AN_HOUR = 3600;
/** A band is of no width that is less than this share of what was expected, and so many times less than how far the value is off. */
const [NARROW, MANY] = [1e-5, 1000];

/** Whether the rises of a counter are told by the hour, of which `judged` was one, a second. */
export function isSlow({ expected, band }: Pick<Scored, 'expected' | 'band'>, judged: number): boolean {
  const most = band !== undefined && band[1] < UNKNOWN ? band[1] : judged;
  return Math.max(Math.abs(expected ?? judged), most) < SLOW;
}

/** `above` what was expected, or below; `lasting`: ` for 12 min`, where that is known. */
type Side = { readonly above: boolean; readonly lasting: string };

const REMARKS: Readonly<Partial<Record<Scored['kind'], (side: Side) => string>>> = {
  spike: () => 'far above what is usual',
  dip: () => 'far below what is usual',
  jump: ({ above }) => `suddenly much ${above ? 'higher' : 'lower'} than the values before it made likely`,
  season: ({ above }) => `unusually ${above ? 'high' : 'low'} for this time of day`,
  range: ({ above }) => `${above ? 'above' : 'below'} all that was seen before`,
  drift: ({ above }) => `too ${above ? 'high' : 'low'}`,
  shift: ({ above, lasting }) => `too ${above ? 'high' : 'low'}${lasting}`,
  burst: ({ lasting }) => `part of leaps to both sides${lasting}`,
};

/** One or two sentences about the value last scored of a series, of which `told` was said. `unit`: of a metric outside the vocabulary, where it is known. */
export function why(known: Known, told: Scored, metric: string, value: number, unit?: string): string {
  const said = `${reason(known, told, metric, value, unit)}.`;
  return told.score < 0 ? said : `${said} Part of what was reported before.`;
}

function reason(known: Known, told: Scored, metric: string, value: number, unit: string | undefined): string {
  const { cells } = known;
  const text = texts(told, value, watchedOf(known).isRate, metric, unit);
  const { kind, since = Number.NaN } = told;
  const now = lastTimeOf(cells);
  const lasting = now > since ? ` for ${duration(now - since)}` : '';
  if (kind === 'gap')
    return `${metric} came after a pause of ${duration(now - since)}, where one of about ${duration(usualBeforeGap(cells))} is usual. ${besides(told, value, text)}`;
  const odd = kind === 'stuck' && value === 0 ? standingZeros(cells) : undefined;
  if (odd !== undefined) {
    const [values, days] = odd;
    return `${metric} has been exactly ${text.value(0)}${lasting}, ${values} values in a row at times of the day at which it was not for at least ${days} days`;
  }
  if (kind === 'stuck') {
    const [values, most] = standing(cells);
    return `${metric} has been exactly ${text.value(value)}${lasting}, ${values} values in a row, where up to ${most} would have passed. ${besides(told, value, text)}`;
  }
  if (kind === 'pulse') return `${pulse(cells, now - since, text)}. ${besides(told, value, text)}`;
  if (told.band === undefined)
    return `${metric} is ${text.value(value)}, a state that ${seenBefore(visitsBefore(cells))}`;
  const remark = REMARKS[kind]?.({ above: judgedOf(told, value) > told.expected!, lasting }) ?? 'unusual';
  return `${text.subject}, ${remark}: ${passing(told, text)}`;
}

/** How often a state had come, in words. */
function seenBefore(visits: number): string {
  if (visits === 0) return 'was never seen before';
  return `came only ${visits === 1 ? 'once' : `${visits} times`} before`;
}

/** `lasted`: for how long (ms), NaN where times are unknown. */
function pulse(cells: Float64Array, lasted: number, { was }: Texts): string {
  const usual = usualLength(cells);
  const [short, long] =
    lasted > 0
      ? [duration(lasted), duration(usual * usualPause(cells))]
      : [`${endedLength(cells)} of ${usual} values`, `${usual} values`];
  return `${was(endedValue(cells))} for ${short} only, where it usually stays for at least ${long}`;
}

const judgedOf = ({ judged }: Scored, value: number): number => judged ?? value;

function besides(told: Scored, value: number, text: Texts): string {
  const [low, high] = told.band ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const judged = judgedOf(told, value);
  if (judged >= low && judged <= high) return 'The value itself is not unusual';
  return `Besides, ${text.subject}: ${passing(told, text)}`;
}

function passing({ expected = 0, band = [0, 0] }: Scored, { number, judged }: Texts): string {
  const [low, high] = band;
  const [hasLow, hasHigh] = band.map(edge => Math.abs(edge) < UNKNOWN);
  const about = `about ${judged(expected)} was expected`;
  if (!hasLow && !hasHigh) return about;
  // Of a series that never moved.
  if (hasLow && hasHigh && number(low) === number(high)) return `${about}, and hardly anything else would have passed`;
  const ends =
    hasLow && hasHigh
      ? `${number(low)} to ${judged(high)}`
      : hasLow
        ? `${judged(low)} and more`
        : `up to ${judged(high)}`;
  return `${about}, ${ends} would have passed`;
}

/** Numbers with their units, as the metric gives them and as they were judged, and what was judged in words. */
type Texts = {
  value(value: number): string;
  judged(value: number): string;
  /** What was judged, while it was this. */
  was(value: number): string;
  /** Of `judged`, without the unit. */
  number(value: number): string;
  subject: string;
};

/** What a metric is measured in, of a counter by the second or hour, `per hour` where nothing else is known; `carried`: outside the vocabulary. */
export function unitIn(metric: string, carried = '', per?: 's' | 'h'): string {
  const unit = unitOf(metric) ?? unitOf(metric.replace(NUMBERED, '')) ?? carried;
  if (per === undefined) return unit;
  return unit === '' ? `per ${per === 'h' ? 'hour' : 'second'}` : `${unit}/${per}`;
}

function texts(told: Scored, value: number, isRate: boolean, metric: string, carried = ''): Texts {
  const unit = unitIn(metric, carried);
  const judged = judgedOf(told, value);
  const { expected = judged, band = [judged, judged] } = told;
  const [scale, per] = isRate ? (isSlow(told, judged) ? [SECONDS_AN_HOUR, '/h'] : [1, '/s']) : [1, ''];
  // Fine enough to tell what was judged from the edge that it is beyond.
  const edges = band.filter(edge => Math.abs(edge) < UNKNOWN);
  const off = Math.min(...edges.map(edge => Math.abs(judged - edge)).filter(distance => distance > 0));
  const width = Math.max(
    ...edges.map(edge => 2 * Math.abs(edge - expected)),
    edges.length === 0 ? Math.abs(judged - expected) : 0,
  );
  // Where a series never moved it has hardly a band, of which nobody reads anything.
  const isNarrow = width < NARROW * Math.abs(expected) && width * MANY < off;
  const write = rounding(scale * (isNarrow ? off / MANY : Math.min(off / 2, width / 100)));
  const number = (one: number) => write(scale * one);
  const inWords = (one: number) => `${number(one)} ${unit}${per}`.trimEnd();
  const mean = `${isRate ? 'the mean rise' : 'the mean'} of the last 24 values of ${metric} is`;
  const exactly = (one: number) => `${Number(one.toPrecision(10))} ${unit}`.trimEnd();
  return {
    value: exactly,
    judged: inWords,
    was: one => `${metric} ${isRate ? `rose by ${inWords(one)}` : `was ${exactly(one)}`}`,
    number,
    subject: `${told.isMean ? mean : `${metric} ${isRate ? 'rises by' : 'is'}`} ${inWords(judged)}`,
  };
}

/** Writes numbers so that such a step can be seen. */
function rounding(step: number): (value: number) => string {
  const decimals = step > 0 && Number.isFinite(step) ? Math.max(0, Math.ceil(-Math.log10(step))) : 3;
  return value =>
    decimals > 9 || Math.abs(value) >= 1e15
      ? String(Number(value.toPrecision(6)))
      : value.toFixed(decimals).replace(/^-(?=[0.]+$)/, '');
}

/** `90 s`, `12 min`, `5 h`, `3 days`. */
function duration(ms: number): string {
  const [unit, size] =
    ms < 100 * SECOND
      ? ['s', SECOND]
      : ms < 100 * MINUTE
        ? ['min', MINUTE]
        : ms < 48 * HOUR
          ? ['h', HOUR]
          : ['days', DAY];
  const count = ms / (size as number);
  return `${Number(count.toPrecision(count < 10 ? 2 : Math.ceil(Math.log10(count + 1))))} ${unit}`;
}
