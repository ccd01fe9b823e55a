// Settings of normalize.
import type { Fields } from '../../src/palette/fields.ts';
import { timeFields } from '../../src/reading/time-settings.ts';
import { unitNames } from '../../src/reading/units.ts';
import { defaultTable, formatNames } from '../../src/stream/normalize.ts';

const TABLE_HELP =
  'The first row whose filter matches decides the format. Device: last, a level counted from 1, a {name} of the filter, or a field; several separated by |, the first that is there counts.';

export const fields = {
  table: {
    kind: 'list',
    label: 'Topics',
    help: TABLE_HELP,
    initial: defaultTable.map(rule => ({ ...rule })),
    columns: {
      filter: {
        kind: 'text',
        label: 'Filter',
        help: 'Topic filter with + and #; {name} is a + with a name.',
        initial: '#',
      },
      format: {
        kind: 'choice',
        label: 'Format',
        help: 'Wire format of the messages; fields takes any JSON object.',
        initial: 'fields',
        options: formatNames.map(name => [name, name] as const),
      },
      device: { kind: 'text', label: 'Device', help: 'Where the name of the device stands.', initial: 'last' },
    },
  },
  map: {
    kind: 'list',
    label: 'Fields',
    help: 'Fields that become metrics under another name, unit or scale, before the format sees the rest.',
    initial: [],
    optional: true,
    columns: {
      from: { kind: 'text', label: 'From', help: 'Path such as sensors.*.temp.', initial: '' },
      metric: {
        kind: 'text',
        label: 'Metric',
        help: 'Name; * stands for what the path matched.',
        initial: '',
      },
      unit: {
        kind: 'text',
        label: 'Unit',
        help: 'Unit it comes in; converted into that of the metric.',
        initial: '',
        optional: true,
        suggestions: unitNames,
      },
      scale: { kind: 'number', label: 'Scale', help: 'Multiplied by this first.', initial: 1 },
    },
  },
  expression: {
    kind: 'text',
    label: 'Expression',
    help: 'JSONata for topics of the format expression. It sees topic, levels and payload, and gives an object or several, in any form that http-ingest takes.',
    initial: '',
    optional: true,
    multiline: true,
  },
  enrich: {
    kind: 'choice',
    label: 'Add',
    help: 'Puts into the metadata of each reading when it was read and from which topic.',
    initial: 'no',
    options: [
      ['no', 'nothing'],
      ['yes', 'processedAt and sourceTopic'],
    ],
  },
  maxKilobytes: {
    kind: 'number',
    label: 'Largest message',
    unit: 'KB',
    help: 'Larger messages are rejected unread.',
    initial: 256,
    min: 1,
    max: 16384,
  },
  ...timeFields,
} as const satisfies Fields;
