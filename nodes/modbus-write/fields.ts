// Settings of modbus-write.
import type { Fields } from '../../src/palette/fields.ts';

export const fields = {
  bus: { kind: 'config', of: 'fieldline-modbus-bus', label: 'Bus', help: 'The line that the unit is on.', initial: '' },
  unitId: {
    kind: 'number',
    label: 'Unit id',
    help: 'Address of the unit on its line, 1 to 247. 0 writes to all units of a serial line, and none of them answers.',
    initial: 1,
    min: 0,
    max: 255,
    integer: true,
  },
  deviceId: {
    kind: 'text',
    label: 'Device id',
    help: 'Id of the device in the log of commands; bus and unit where it stays empty.',
    initial: '',
    optional: true,
  },
  map: {
    kind: 'text',
    label: 'Register map',
    help: 'Names, types and limits of what may be written: a shipped map, a file in the folder maps, or JSON.',
    initial: '',
    optional: true,
    multiline: true,
  },
  raw: {
    kind: 'choice',
    label: 'Raw writes',
    help: 'Registers and coils by number, which no map limits.',
    initial: 'no',
    options: [
      ['no', 'refuse'],
      ['yes', 'allow'],
    ],
  },
  functions: {
    kind: 'choice',
    label: 'Functions',
    help: 'Some devices take functions 15 and 16 only.',
    initial: 'shortest',
    options: [
      ['shortest', '5 and 6 for a single one, else 15 and 16'],
      ['many', '15 and 16 always'],
    ],
  },
  readBack: {
    kind: 'choice',
    label: 'Read back',
    help: 'Reads what was written and compares. Off for registers that cannot be read.',
    initial: 'yes',
    options: [
      ['yes', 'yes'],
      ['no', 'no'],
    ],
  },
  readBackMs: {
    kind: 'number',
    label: 'Read back after',
    unit: 'ms',
    help: 'Time that the device takes until its registers have the new value.',
    initial: 0,
    min: 0,
    max: 60000,
  },
  dryRun: {
    kind: 'choice',
    label: 'Dry run',
    help: 'Checks everything and says what would be sent, and sends nothing.',
    initial: 'no',
    options: [
      ['no', 'no'],
      ['yes', 'yes'],
    ],
  },
  store: {
    kind: 'config',
    of: 'fieldline-timescale-db',
    label: 'Log of commands',
    help: 'Database whose table command_log gets an entry before a command is carried out, and its outcome. None: no log.',
    initial: '',
    optional: true,
  },
} as const satisfies Fields;
