// Settings of timescale-out.
import { linkFields } from '../../src/delivery/link-settings.ts';
import type { Fields } from '../../src/palette/fields.ts';

export const fields = {
  store: {
    kind: 'config',
    label: 'Database',
    help: 'The database to write to.',
    initial: '',
    of: 'fieldline-timescale-db',
  },
  table: {
    kind: 'choice',
    label: 'Table',
    help: 'Besides, every reading updates its device and its latest values.',
    initial: 'auto',
    options: [
      ['auto', 'by the metrics of each reading'],
      ['measurements', 'measurements'],
      ['energy_readings', 'energy_readings'],
      ['flow_data', 'flow_data'],
      ['sensor_readings', 'sensor_readings (any metric)'],
    ],
  },
  ...linkFields,
  batchRows: {
    kind: 'number',
    label: 'Most readings in a write',
    help: 'A write leaves when the one before has been committed, with all that has come by then.',
    initial: 5000,
    min: 1,
    max: 20000,
    integer: true,
  },
  memoryRows: {
    kind: 'number',
    label: 'Most readings in memory',
    help: 'What waits to be written or to be kept on disk; above this the sources keep it.',
    initial: 100000,
    min: 1,
    max: 10000000,
    integer: true,
  },
} as const satisfies Fields;
