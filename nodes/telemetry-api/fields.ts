// Settings of telemetry-api.
import { questions } from '../../src/api/answers.ts';
import type { Fields } from '../../src/palette/fields.ts';

export const fields = {
  store: {
    kind: 'config',
    of: 'fieldline-timescale-db',
    label: 'Database',
    help: 'Where the telemetry is stored.',
    initial: '',
  },
  what: {
    kind: 'choice',
    label: 'Question',
    help: 'Asked by every message that brings no question of its own in msg.query.',
    initial: 'summary',
    options: [
      ...questions,
      ['scores', 'scores: values of one metric with band and score, for a chart'],
      ['series', 'series: what scores can be asked of'],
    ],
  },
  device: {
    kind: 'text',
    label: 'Device',
    help: 'Device id, for history and scores.',
    initial: '',
    optional: true,
  },
  metric: {
    kind: 'text',
    label: 'Metric',
    help: 'Name of the metric, for history and scores.',
    initial: '',
    optional: true,
    suggestions: ['value_mm', 'temperature', 'humidity', 'power_kw', 'total_energy_kwh', 'flow_rate', 'totalizer'],
  },
  hours: {
    kind: 'number',
    label: 'Range',
    unit: 'h',
    help: 'How far back history goes.',
    initial: 24,
    min: 0.01,
    max: 9600,
  },
  points: {
    kind: 'number',
    label: 'Most rows',
    help: 'Points of a history (longer ranges are thinned out in the database) or rows of anomalies.',
    initial: 200,
    min: 1,
    max: 2000,
    integer: true,
  },
  origins: {
    kind: 'text',
    label: 'Other sites',
    help: 'Origins of other web sites whose pages may ask the HTTP API, separated by spaces; * for any. Pages of this server always may.',
    initial: '',
    optional: true,
    pattern: '^(\\*|https?://[^\\s/]+(\\s+https?://[^\\s/]+)*)$',
    says: 'origins such as https://scada.example',
  },
  http: {
    kind: 'choice',
    label: 'HTTP',
    help: 'Whether this node serves the HTTP API (/api, /rest/v1, /metrics); where several do, one answers.',
    initial: 'serve',
    options: [
      ['serve', 'serve the HTTP API'],
      ['off', 'answer in the flow only'],
    ],
  },
} as const satisfies Fields;
