// Settings of modbus-poll.
import { mapNames, shippedFolder } from '../../src/modbus/maps.ts';
import type { Fields } from '../../src/palette/fields.ts';

export const fields = {
  bus: { kind: 'config', of: 'fieldline-modbus-bus', label: 'Bus', help: 'The line that the unit is on.', initial: '' },
  unitId: {
    kind: 'number',
    label: 'Unit id',
    help: 'Address of the unit on its line, 1 to 247. Plain TCP devices often take 255 or any.',
    initial: 1,
    min: 0,
    max: 255,
    integer: true,
  },
  map: {
    kind: 'text',
    label: 'Register map',
    help: 'Name of a shipped map, of a file in the folder maps of the data directory, or the JSON of a map.',
    initial: 'nivus-float32',
    multiline: true,
    suggestions: mapNames(shippedFolder),
  },
  parameters: {
    kind: 'text',
    label: 'Map parameters',
    help: 'JSON object with the parameters of the map that differ on this site, such as {"flow_span": 10}.',
    initial: '',
    optional: true,
  },
  periodMs: {
    kind: 'number',
    label: 'Every',
    unit: 'ms',
    help: 'Period of the polls. A poll that takes longer costs slots, which are counted; the others keep their times.',
    initial: 1000,
    min: 10,
    max: 86400000,
  },
  deviceId: {
    kind: 'text',
    label: 'Device id',
    help: 'Id of the device in readings and tables. May stay empty with demo instruments only.',
    initial: '',
    optional: true,
  },
  maxWords: {
    kind: 'number',
    label: 'Most registers a request',
    help: '125 by the standard; some devices take fewer.',
    initial: 125,
    min: 1,
    max: 125,
    integer: true,
  },
  gapBudget: {
    kind: 'number',
    label: 'Gap budget',
    unit: 'registers',
    help: 'Registers between two wanted ones that are read along to save a request. 0 for devices that refuse gaps, though a refusal is noticed and remembered.',
    initial: 16,
    min: 0,
    max: 124,
    integer: true,
  },
} as const satisfies Fields;
