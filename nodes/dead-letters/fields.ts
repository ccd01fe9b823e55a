// Settings of dead-letters: where the letters are, and which of them this node answers for.
export const fields = {
  store: {
    kind: 'config',
    label: 'Database',
    help: 'The database that keeps the dead letters.',
    initial: '',
    of: 'fieldline-timescale-db',
  },
  source: {
    kind: 'text',
    label: 'Given up by',
    help: 'Only letters of this node, by its id; empty means all.',
    initial: '',
    optional: true,
  },
  topic: {
    kind: 'text',
    label: 'Topic',
    help: 'Only letters of this topic, with % for any characters; empty means all.',
    initial: '',
    optional: true,
  },
  device: {
    kind: 'text',
    label: 'Device',
    help: 'Only letters of this device; empty means all.',
    initial: '',
    optional: true,
  },
  reason: {
    kind: 'text',
    label: 'Reason has',
    help: 'Only letters whose reason holds this text; empty means all.',
    initial: '',
    optional: true,
  },
} as const;
