// Settings of the anomaly node.
import type { Fields } from '../../src/palette/fields.ts';

export const fields = {
  series: {
    kind: 'choice',
    label: 'Series',
    help: 'Values of one series are compared with each other; each metric is a series of its own.',
    initial: 'auto',
    options: [
      ['auto', 'by device; laser distances by element'],
      ['device', 'by device'],
      ['key', 'by the key below'],
    ],
  },
  key: {
    kind: 'typed',
    label: 'Key',
    help: 'Property of the message, used with the third choice; for a batch, of each member as if it had come alone.',
    initial: 'payload.deviceId',
    types: ['msg'],
    initialType: 'msg',
  },
  sensitivity: {
    kind: 'choice',
    label: 'Sensitivity',
    help: 'How unusual a value must be to count as an anomaly.',
    initial: 'medium',
    options: [
      ['low', 'low: only what is gross'],
      ['medium', 'medium'],
      ['high', 'high: more finds, more false alarms'],
      ['rate', 'by the number of false alarms below'],
    ],
  },
  falseAlarms: {
    kind: 'number',
    label: 'False alarms',
    unit: 'in 10,000 values',
    help: 'Used with the fourth choice; low is 0.1, medium 1, high 5. What that is in a day for a device stands below, where settings can be tried.',
    initial: 1,
    min: 0.01,
    max: 100,
  },
  direction: {
    kind: 'choice',
    label: 'Direction',
    help: 'Which values may be anomalies.',
    initial: 'both',
    options: [
      ['both', 'too high and too low'],
      ['up', 'too high'],
      ['down', 'too low'],
    ],
  },
  nearUnits: {
    kind: 'number',
    label: 'Ignore within',
    help: 'A value so near to the expected one is no anomaly, in units of the metric.',
    initial: 0,
    min: 0,
  },
  nearPercent: {
    kind: 'number',
    label: 'or within',
    unit: '%',
    help: 'The same in percent of the expected value; the larger of both counts.',
    initial: 0,
    min: 0,
    max: 1000,
  },
  guard: {
    kind: 'typed',
    label: 'Guard',
    help: 'While this is true (maintenance), values are neither judged nor learned.',
    initial: 'guard',
    types: ['msg', 'flow', 'global'],
    initialType: 'msg',
  },
  maxSeries: {
    kind: 'number',
    label: 'Most series',
    help: 'Above this the device that was quiet for longest is forgotten; a series takes about 9 KB.',
    initial: 10000,
    min: 1,
    max: 1000000,
    integer: true,
  },
} as const satisfies Fields;
