// Settings of the ble-scan node: adapter, scanner, lists and how adverts are sent.
import { radioFields } from '../../src/radio/settings.ts';

export const fields = {
  adapter: radioFields.adapter,
  scanner: radioFields.scanner,
  mode: {
    kind: 'choice',
    label: 'Scan',
    help: 'Passive only listens; active also asks devices for what they say on request, their names for instance.',
    initial: 'passive',
    options: [
      ['passive', 'passive'],
      ['active', 'active'],
    ],
  },
  emit: {
    kind: 'choice',
    label: 'Send',
    help: 'One message for each advert, or always arrays of up to 200.',
    initial: 'each',
    options: [
      ['each', 'each advert'],
      ['batches', 'batches'],
    ],
  },
  allow: {
    kind: 'text',
    label: 'Only',
    help: 'Addresses or their beginnings; empty means all devices.',
    initial: '',
    optional: true,
    multiline: true,
  },
  block: {
    kind: 'text',
    label: 'Never',
    help: 'Addresses or their beginnings that are left out.',
    initial: '',
    optional: true,
    multiline: true,
  },
  silenceSeconds: {
    kind: 'number',
    label: 'Silent after',
    unit: 's',
    help: 'Without an advert for so long the scan is started again, and the status says so.',
    initial: 60,
    min: 1,
    max: 86400,
  },
  speed: {
    kind: 'number',
    label: 'Replay speed',
    help: '2 plays captures twice as fast.',
    initial: 1,
    min: 0.01,
    max: 1000,
  },
  demoPrefix: radioFields.demoPrefix,
} as const;
