// Settings that every node with a radio has, written once (the shape of palette fields, without knowing the palette).
import { macOf } from '../reading/mac.ts';

export const radioFields = {
  adapter: {
    kind: 'text',
    label: 'Adapter',
    help: 'hci0 is the Bluetooth adapter of this machine, tcp://host:port a controller that speaks H4; replay:builtin plays the captures that come along, replay: and a path your own; demo does where the demo instruments of the gateway are on.',
    initial: 'replay:builtin',
    suggestions: ['hci0', 'replay:builtin', 'demo', 'tcp://127.0.0.1:9000'],
  },
  scanner: {
    kind: 'text',
    label: 'Scanner id',
    help: 'Names this scanner in topics and rows.',
    initial: 'scanner-1',
    pattern: '^[^/+#\\s]{1,100}$',
    says: 'a name without blanks, /, + and #',
  },
  demoPrefix: {
    kind: 'text',
    label: 'Replay prefix',
    help: 'Put before the addresses of captures, so that demo devices are known by their names (demo-).',
    initial: '',
    optional: true,
  },
} as const;

const hexText = {
  kind: 'text',
  initial: '',
  optional: true,
  pattern: '^([0-9a-fA-F]{2}[ :-]*)+$',
  says: 'bytes as hex',
} as const;

/** What a link to a device needs that no preset knows. */
export const ownDeviceFields = {
  service: { kind: 'text', label: 'Service', help: 'UUID, for own.', initial: '', optional: true },
  characteristic: {
    kind: 'text',
    label: 'Characteristic',
    help: 'UUID of what is subscribed to or read, for own.',
    initial: '',
    optional: true,
  },
  how: {
    kind: 'choice',
    label: 'Values come',
    help: 'Subscribed: the device sends them. Read: they are fetched again and again. For own.',
    initial: 'subscribe',
    options: [
      ['subscribe', 'subscribed'],
      ['read', 'read'],
    ],
  },
  readSeconds: {
    kind: 'number',
    label: 'Read every',
    unit: 's',
    help: 'For own, where values are read.',
    initial: 60,
    min: 0.1,
    max: 86400,
  },
  commands: {
    kind: 'text',
    label: 'Commands to',
    help: 'UUID of the characteristic that takes commands, for own; empty: the same.',
    initial: '',
    optional: true,
  },
  enable: { ...hexText, label: 'Enable command', help: 'Written once the device is connected, for own.' },
  measure: { ...hexText, label: 'Measure command', help: 'Written by the measure button, for own.' },
} as const;

/** An address as devices are known by it, however it was written: upper case with colons. Other names stay as they are. */
export function addressOf(text: string): string {
  const name = text.trim();
  return macOf(name) ?? name;
}

/** Words of a setting that lists addresses, in whatever way they are separated. */
export function listOf(text: string): string[] {
  return text.split(/[\s,;]+/).filter(part => part !== '');
}
