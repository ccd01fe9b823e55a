// Settings of replay: where the archive is, which part of it, and how fast.
const RANGE_SAYS = 'a time such as 2026-01-03T16:00:00Z or 2026-01-03, or how long ago such as 24h or 7d';
const RANGE = '^(\\d{4}-\\d{2}-\\d{2}([T ][0-9:.,]+\\s*(Z|[+-]\\d{2}:?\\d{2})?)?|\\d+(\\.\\d+)?\\s*(s|min|m|h|d|w))$';

export const fields = {
  store: {
    kind: 'config',
    label: 'Database',
    help: 'The database that holds the archive.',
    initial: '',
    of: 'fieldline-timescale-db',
  },
  from: {
    kind: 'text',
    label: 'From',
    help: 'First time of the range; empty means from the beginning.',
    initial: '24h',
    optional: true,
    pattern: RANGE,
    says: RANGE_SAYS,
  },
  to: {
    kind: 'text',
    label: 'To',
    help: 'The range ends before this time; empty means when the replay begins.',
    initial: '',
    optional: true,
    pattern: RANGE,
    says: RANGE_SAYS,
  },
  scanner: {
    kind: 'text',
    label: 'Scanner',
    help: 'Only messages of this scanner or source; empty means all.',
    initial: '',
    optional: true,
  },
  device: {
    kind: 'text',
    label: 'Device',
    help: 'Only messages of this device, as the message or its topic names it; empty means all.',
    initial: '',
    optional: true,
  },
  topic: {
    kind: 'text',
    label: 'Topic filter',
    help: 'Only messages whose topic matches, with + and #; empty means all.',
    initial: '',
    optional: true,
  },
  perSecond: {
    kind: 'number',
    label: 'At most',
    unit: 'messages/s',
    help: '0 means as fast as live data leaves room; it yields by itself in either case.',
    initial: 0,
    min: 0,
    max: 1000000,
  },
} as const;
