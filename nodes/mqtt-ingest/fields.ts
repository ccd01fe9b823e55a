// Settings of mqtt-ingest.
import type { Fields } from '../../src/palette/fields.ts';

export const fields = {
  broker: {
    kind: 'config',
    of: 'mqtt-broker',
    label: 'Broker',
    help: 'Address, TLS and credentials are taken from it. None: the broker of this gateway, or the one of MQTT_URL.',
    initial: '',
    optional: true,
  },
  topics: {
    kind: 'list',
    label: 'Topics',
    help: 'Topic filters, with + for one level and # for all that follow.',
    initial: [
      { filter: 'homelab/energy/#', qos: '1' },
      { filter: 'homelab/heatpump/#', qos: '1' },
      { filter: 'homelab/temperature/#', qos: '1' },
    ],
    columns: {
      filter: {
        kind: 'text',
        label: 'Filter',
        help: 'Topic filter.',
        initial: '',
        pattern: '^[^\\u0000]+$',
        says: 'a topic filter',
      },
      qos: {
        kind: 'choice',
        label: 'QoS',
        help: 'Highest quality of service asked for.',
        initial: '1',
        options: [
          ['0', '0: at most once'],
          ['1', '1: at least once'],
          ['2', '2: exactly once'],
        ],
      },
    },
  },
  emit: {
    kind: 'choice',
    label: 'Send',
    help: 'One message for each, or an array of what arrives within 12 to 20 ms, at most 200. Batches are several times faster.',
    initial: 'batches',
    options: [
      ['batches', 'batches'],
      ['each', 'each'],
    ],
  },
  source: {
    kind: 'text',
    label: 'Source name',
    help: 'Stored with each raw message. Empty: the name of the node.',
    initial: '',
    optional: true,
  },
  clientId: {
    kind: 'text',
    label: 'Client id',
    help: 'The broker keeps messages under it while this node is away. Empty: one that stays the same for this node.',
    initial: '',
    optional: true,
  },
  window: {
    kind: 'number',
    label: 'Window',
    help: 'Messages out and not yet stored. Above it the broker must wait.',
    initial: 2000,
    min: 1,
    max: 65535,
    integer: true,
  },
  sessionExpirySeconds: {
    kind: 'number',
    label: 'Session expiry',
    unit: 's',
    help: 'How long the broker keeps messages while this node is away.',
    initial: 604800,
    min: 60,
    max: 4294967294,
    integer: true,
  },
} as const satisfies Fields;
