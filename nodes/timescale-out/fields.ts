// Settings of timescale-out.
import { linkFields } from '../../src/delivery/link-settings.ts';
import type { Fields } from '../../src/palette/fields.ts';
import { sourceWords } from '../../src/sinks/own/source.ts';

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
    help: 'The tables of Fieldline also get the device and its latest values with every reading; your own table gets its row alone.',
    initial: 'auto',
    options: [
      ['auto', 'by the metrics of each reading'],
      ['measurements', 'measurements'],
      ['energy_readings', 'energy_readings'],
      ['flow_data', 'flow_data'],
      ['sensor_readings', 'sensor_readings (any metric)'],
      ['own', 'a table of your own'],
    ],
  },
  ownTable: {
    kind: 'text',
    label: 'Your table',
    help: 'Picked from the database, or typed: meter, plant.meter, "My Schema"."my.meter".',
    initial: '',
    optional: true,
  },
  columns: {
    kind: 'list',
    label: 'Columns',
    help: 'What each column of your table gets; a column without a value gets what the table gives it.',
    initial: [],
    columns: {
      column: { kind: 'text', label: 'Column', help: 'Name of the column.', initial: '' },
      from: {
        kind: 'text',
        label: 'Gets',
        help: `telemetry.<metric>, metadata.<path>, =constant, or one of ${Object.keys(sourceWords).join(', ')}.`,
        initial: '',
        optional: true,
      },
    },
  },
  key: {
    kind: 'text',
    label: 'Key',
    help: 'Columns of a unique index of your table, with commas between. Empty: Fieldline remembers for 7 days which messages it has written.',
    initial: '',
    optional: true,
  },
  conflict: {
    kind: 'choice',
    label: 'When the key is there',
    help: 'What becomes of a row of your table whose key is there already.',
    initial: 'skip',
    options: [
      ['skip', 'leave what is there'],
      ['update', 'write over it'],
      ['reject', 'refuse the new row, as a dead letter'],
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
