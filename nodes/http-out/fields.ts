// Settings of http-out.
import { linkFields } from '../../src/delivery/link-settings.ts';
import type { Fields } from '../../src/palette/fields.ts';

export const fields = {
  url: {
    kind: 'text',
    label: 'Address',
    help: 'Where to post. Credentials belong into the field below, not here. A path alone, such as /api/ingest: this gateway, with its own key.',
    initial: 'http://127.0.0.1:1880/api/ingest',
    pattern: '^(https?://[^/@\\s]+(/\\S*)?|/[^/\\s]\\S*)$',
    says: 'http:// or https:// and a host, without user and password, or a path',
  },
  auth: {
    kind: 'choice',
    label: 'Sign in with',
    help: 'How the key is sent.',
    initial: 'none',
    options: [
      ['none', 'nothing'],
      ['bearer', 'Authorization: Bearer'],
      ['key', 'x-api-key'],
    ],
  },
  key: {
    kind: 'secret',
    label: 'Key',
    help: 'Kept with the credentials of the flow, not in it.',
    initial: '',
  },
  send: {
    kind: 'choice',
    label: 'Send',
    help: 'What one request holds where the payload is an array.',
    initial: 'whole',
    options: [
      ['whole', 'the payload as one request'],
      ['each', 'each member as a request'],
    ],
  },
  timeoutSeconds: {
    kind: 'number',
    label: 'Longest request',
    unit: 's',
    help: 'A server that has not answered by then counts as away.',
    initial: 30,
    min: 0.1,
    max: 600,
  },
  maxMegabytes: {
    kind: 'number',
    label: 'Largest request',
    unit: 'MB',
    help: 'What is larger becomes a dead letter.',
    initial: 10,
    min: 0.001,
    max: 100,
  },
  ...linkFields,
  memoryRows: {
    kind: 'number',
    label: 'Most requests in memory',
    help: 'What waits to be sent, or to be kept on disk; above this the sources keep it.',
    initial: 10000,
    min: 1,
    max: 10000000,
    integer: true,
  },
} as const satisfies Fields;
