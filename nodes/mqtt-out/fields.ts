// Settings of mqtt-out.
import { linkFields } from '../../src/delivery/link-settings.ts';
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
  topic: {
    kind: 'text',
    label: 'Topic',
    help: 'May hold {deviceId}, {protocol} and {topic} (the topic of the message). Empty: the topic of the message.',
    initial: '',
    optional: true,
    pattern: '^[^+#\\u0000]*$',
    says: 'a topic without + and #',
  },
  send: {
    kind: 'choice',
    label: 'Send',
    help: 'What one MQTT message holds where the payload is an array.',
    initial: 'each',
    options: [
      ['each', 'each member as a message'],
      ['whole', 'the payload as one message'],
    ],
  },
  form: {
    kind: 'choice',
    label: 'Form',
    help: 'The payload as it is, or readings with a distance as flat measurement messages (type, value_mm, raw_hex, device_id …); what is none is left out then.',
    initial: 'payload',
    options: [
      ['payload', 'the payload as it is'],
      ['measurement', 'measurement message'],
    ],
  },
  qos: {
    kind: 'choice',
    label: 'QoS',
    help: 'With 1 a message has arrived when the broker has acknowledged it; with 0 when it was sent.',
    initial: '1',
    options: [
      ['1', '1: at least once'],
      ['0', '0: at most once'],
    ],
  },
  retain: {
    kind: 'choice',
    label: 'Latest value',
    help: 'The broker keeps the latest message of each topic, by the time of its reading, and gives it to whoever subscribes later.',
    initial: 'no',
    options: [
      ['no', 'not retained'],
      ['yes', 'retained'],
    ],
  },
  ...linkFields,
  memoryRows: {
    kind: 'number',
    label: 'Most messages in memory',
    help: 'What waits to be sent, or to be kept on disk; above this the sources keep it.',
    initial: 100000,
    min: 1,
    max: 10000000,
    integer: true,
  },
} as const satisfies Fields;
