// What a poll's status says: values and their age when all is well, else what is wrong and what to do.
import { quantity } from '../reading/quantity.ts';
import type { Backlog } from './outlet.ts';
import type { Health } from './health.ts';

export type Status = readonly [fill: 'green' | 'yellow' | 'red', text: string];

/** `now` is the steady clock. The age of the last value always shows, so that a stopped poll cannot look alive. */
export function statusOf(health: Health, backlog: Backlog, now: number): Status {
  const { faults, values, absent, lastReadingAt, state, overruns } = health;
  const age = lastReadingAt === undefined ? '' : `${ageOf(now - lastReadingAt)} ago`;
  const last = age === '' ? 'no value yet' : `last value ${age}`;
  const [fault] = faults;
  const lost = backlog.dropped > 0 ? `; ${backlog.dropped} dropped` : '';
  if (backlog.reason !== '')
    return [
      backlog.full ? 'red' : 'yellow',
      `${quantity(backlog.open, 'reading')} ${backlog.open === 1 ? 'waits' : 'wait'} (${backlog.reason})${lost}; ${last}`,
    ];
  if (state === 'starting') return ['yellow', 'first poll'];
  if (state === 'failing')
    return ['red', `${fault?.message ?? 'nothing answered'}; ${fault?.advice ?? ''}; ${last}${lost}`];
  const rate = `${health.ratePerS < 10 ? health.ratePerS.toFixed(1) : Math.round(health.ratePerS)}/s`;
  const pace = `${values === 0 ? last : `${age}, ${rate}`}${overruns > 0 ? `, ${quantity(overruns, 'overrun')}` : ''}${lost}`;
  const missing = Object.entries(absent);
  if (missing.length === 0) return ['green', `${quantity(values, 'value')}, ${pace}`];
  const [metric, reason] = missing[0] as [string, string];
  const advice = fault === undefined ? '' : `; ${fault.advice}`;
  return ['yellow', `${values} of ${values + missing.length} values, ${pace}; ${metric}: ${reason}${advice}`];
}

/** 0.4 s, 12 s, 5 min, 3 h */
function ageOf(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

export type Event = {
  /** Two polls with the same text are no change. */
  change: string;
  payload: {
    deviceId: string;
    state: Health['state'];
    faults: { trouble: string; exception?: number; message: string; advice: string }[];
    quality: Readonly<Record<string, string>>;
  };
};

/** What a flow is told on the second output when the health of a poll changes. */
export function eventOf({ state, faults, absent }: Health, deviceId: string): Event {
  return {
    // A unit in quarantine is still the unit that did not answer: each probe would be news otherwise.
    change: JSON.stringify([
      state,
      faults.map(({ trouble, exception }) => exception ?? (trouble === 'quarantine' ? 'timeout' : trouble)),
      Object.keys(absent),
    ]),
    payload: {
      deviceId,
      state,
      faults: faults.map(({ trouble, exception, message, advice }) => ({ trouble, exception, message, advice })),
      quality: absent,
    },
  };
}
