// Settings by which a node decides whether the time that a device says can be true.
import type { TimeLimits } from './time.ts';

export const timeFields = {
  aheadMinutes: {
    kind: 'number',
    label: 'Clock may be ahead',
    unit: 'min',
    help: 'A device time further ahead than this is replaced by the time of receipt.',
    initial: 10,
    min: 0,
    max: 525600,
  },
  earliestYear: {
    kind: 'number',
    label: 'Earliest year',
    help: 'A device time before this year is replaced by the time of receipt.',
    initial: 2015,
    min: 1970,
    max: 9999,
    integer: true,
  },
} as const;

/** From minutes and a year to milliseconds: `earliest` since the epoch, `aheadMs` before now. */
export function timeLimitsOf(settings: { aheadMinutes: number; earliestYear: number }): TimeLimits {
  return { earliest: Date.UTC(settings.earliestYear, 0, 1), aheadMs: settings.aheadMinutes * 60_000 };
}
