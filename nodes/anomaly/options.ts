// What the settings of the anomaly node mean to the score.
import type { ScoreOptions } from '../../src/anomaly/score.ts';
import type { Settings } from '../../src/palette/fields.ts';
import type { fields } from './fields.ts';

/** False alarms in 10,000 points by sensitivity. */
const FALSE_ALARMS = { low: 0.1, medium: 1, high: 5 } as const;

export function optionsOf(settings: Settings<typeof fields>): ScoreOptions & { falseAlarms: number } {
  const { sensitivity, falseAlarms, direction, nearUnits, nearPercent } = settings;
  const { alarmFrom, alarmLeave, alarmNormal } = settings;
  return {
    falseAlarms: sensitivity === 'rate' ? falseAlarms : FALSE_ALARMS[sensitivity],
    ...{ direction, nearUnits, nearPercent, alarmFrom, alarmLeave, alarmNormal },
  };
}
