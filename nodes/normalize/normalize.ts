// normalize: turns any JSON message into readings by a topic table and a field map.
import { defineNode, type Message } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { unitNames } from '../../src/reading/units.ts';
import { type Intake, intake } from '../../src/stream/intake.ts';
import { defaultTable, formatNames, normalizer } from '../../src/stream/normalize.ts';
import { standing } from '../../src/stream/standing.ts';

const TABLE_HELP =
  'The first row whose filter matches decides the format. Device: last, a level counted from 1, or a field; several separated by |, the first that is there counts.';

export const definition = defineNode({
  type: 'fieldline-normalize',
  family: 'decode',
  icon: 'font-awesome/fa-random',
  summary: 'Turns any JSON message into readings by a topic table and a field map.',
  input: 'raw messages',
  outputs: ['readings', 'rejected'],
  fields: {
    table: {
      kind: 'list',
      label: 'Topics',
      help: TABLE_HELP,
      initial: defaultTable.map(rule => ({ ...rule })),
      columns: {
        filter: { kind: 'text', label: 'Filter', help: 'Topic filter with + and #.', initial: '#' },
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
    maxKilobytes: {
      kind: 'number',
      label: 'Largest message',
      unit: 'KB',
      help: 'Larger messages are rejected unread.',
      initial: 256,
      min: 1,
      max: 16384,
    },
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
  },
  start(settings, host) {
    const normalize = normalizer({
      table: settings.table,
      map: settings.map,
      maxBytes: settings.maxKilobytes * 1024,
      limits: { earliest: Date.UTC(settings.earliestYear, 0, 1), aheadMs: settings.aheadMinutes * 60_000 },
    });
    let passed = 0;
    let turnedAway = 0;
    const line = standing();
    const tally = ({ readings, rejected }: Intake) => {
      passed += readings.length;
      turnedAway += rejected.length;
      for (const { kind } of rejected) host.count('fieldline_rejected_total', 1, { reason: kind });
      const late = readings.filter(({ metadata }) => metadata.timestampSource === 'gateway').length;
      if (late > 0) host.count('fieldline_gateway_time_total', late);
      const gaps = readings.reduce((sum, { metadata }) => sum + Object.keys(metadata.quality ?? {}).length, 0);
      if (gaps > 0) host.count('fieldline_absent_values_total', gaps);
      const text = `${passed} readings, ${turnedAway} rejected`;
      host.status(...line(text, rejected[0]?.reason));
    };

    return {
      input(message, send, done) {
        const taken = intake(message.payload, message.topic ?? '', Date.now(), normalize);
        tally(taken);
        const { batch, readings, refused } = taken;
        const reasons = taken.rejected.map(({ reason }) => reason);
        const payload = batch ? refused : refused[0];
        const refusal: Message = { ...message, payload, reason: reasons.join('; '), reasons };
        const good = batch && readings.length > 0 ? [readings] : readings;
        send([good.map(one => ({ ...message, payload: one })), reasons.length > 0 ? refusal : undefined]);
        done();
      },
    };
  },
});

export default nodeRed(definition);
