// The objects of BTHome (https://bthome.io/format/): id → name, length, sign and scale. Version 1 and 2 share the ids.

/** A number is raw · times / over in the unit of the object; distance alone is turned into mm. */
export type NumberObject = { is: 'number'; name: string; bytes: number; signed: boolean; times: number; over: number };
export type BthomeObject =
  | NumberObject
  | { is: 'binary'; name: string; bytes: 1 }
  | { is: 'event'; name: 'button' | 'dimmer'; bytes: 1 | 2 }
  /** One length byte, then as many bytes. */
  | { is: 'text' | 'raw'; name: string; bytes: 'counted' }
  /** Goes to the metadata: nothing a device measured. */
  | { is: 'packet' | 'time' | 'deviceType' | 'firmware'; bytes: number };

const unsigned = (name: string, bytes: number, over = 1, times = 1): NumberObject => ({
  is: 'number',
  name,
  bytes,
  signed: false,
  times,
  over,
});
const signed = (name: string, bytes: number, over = 1, times = 1): NumberObject => ({
  ...unsigned(name, bytes, over, times),
  signed: true,
});
const binary = (name: string): BthomeObject => ({ is: 'binary', name, bytes: 1 });

export const bthomeObjects: ReadonlyMap<number, BthomeObject> = new Map<number, BthomeObject>([
  [0x00, { is: 'packet', bytes: 1 }],
  [0x01, unsigned('battery', 1)],
  [0x02, signed('temperature', 2, 100)],
  [0x03, unsigned('humidity', 2, 100)],
  [0x04, unsigned('pressure', 3, 100)],
  [0x05, unsigned('illuminance', 3, 100)],
  [0x06, unsigned('mass', 2, 100)],
  [0x07, unsigned('mass', 2, 100)],
  [0x08, signed('dew_point', 2, 100)],
  [0x09, unsigned('count', 1)],
  [0x0a, unsigned('energy', 3, 1000)],
  [0x0b, unsigned('power', 3, 100)],
  [0x0c, unsigned('voltage', 2, 1000)],
  [0x0d, unsigned('pm2_5', 2)],
  [0x0e, unsigned('pm10', 2)],
  [0x0f, binary('generic')],
  [0x10, binary('power')],
  [0x11, binary('opening')],
  [0x12, unsigned('co2', 2)],
  [0x13, unsigned('voc', 2)],
  [0x14, unsigned('moisture', 2, 100)],
  [0x15, binary('low_battery')],
  [0x16, binary('battery_charging')],
  [0x17, binary('carbon_monoxide')],
  [0x18, binary('cold')],
  [0x19, binary('connectivity')],
  [0x1a, binary('door')],
  [0x1b, binary('garage_door')],
  [0x1c, binary('gas')],
  [0x1d, binary('heat')],
  [0x1e, binary('light')],
  [0x1f, binary('lock')],
  [0x20, binary('moisture')],
  [0x21, binary('motion')],
  [0x22, binary('moving')],
  [0x23, binary('occupancy')],
  [0x24, binary('plug')],
  [0x25, binary('presence')],
  [0x26, binary('problem')],
  [0x27, binary('running')],
  [0x28, binary('safety')],
  [0x29, binary('smoke')],
  [0x2a, binary('sound')],
  [0x2b, binary('tamper')],
  [0x2c, binary('vibration')],
  [0x2d, binary('window')],
  [0x2e, unsigned('humidity', 1)],
  [0x2f, unsigned('moisture', 1)],
  [0x3a, { is: 'event', name: 'button', bytes: 1 }],
  [0x3c, { is: 'event', name: 'dimmer', bytes: 2 }],
  [0x3d, unsigned('count', 2)],
  [0x3e, unsigned('count', 4)],
  [0x3f, signed('rotation', 2, 10)],
  [0x40, unsigned('distance', 2)],
  [0x41, unsigned('distance', 2, 1, 100)],
  [0x42, unsigned('duration', 3, 1000)],
  [0x43, unsigned('current', 2, 1000)],
  [0x44, unsigned('speed', 2, 100)],
  [0x45, signed('temperature', 2, 10)],
  [0x46, unsigned('uv_index', 1, 10)],
  [0x47, unsigned('volume', 2, 10)],
  [0x48, unsigned('volume', 2)],
  [0x49, unsigned('volume_flow_rate', 2, 1000)],
  [0x4a, unsigned('voltage', 2, 10)],
  [0x4b, unsigned('gas', 3, 1000)],
  [0x4c, unsigned('gas', 4, 1000)],
  [0x4d, unsigned('energy', 4, 1000)],
  [0x4e, unsigned('volume', 4, 1000)],
  [0x4f, unsigned('water', 4, 1000)],
  [0x50, { is: 'time', bytes: 4 }],
  [0x51, unsigned('acceleration', 2, 1000)],
  [0x52, unsigned('gyroscope', 2, 1000)],
  [0x53, { is: 'text', name: 'text', bytes: 'counted' }],
  [0x54, { is: 'raw', name: 'raw', bytes: 'counted' }],
  [0x55, unsigned('volume_storage', 4, 1000)],
  [0x56, unsigned('conductivity', 2)],
  [0x57, signed('temperature', 1)],
  [0x58, signed('temperature', 1, 100, 35)],
  [0x59, signed('count', 1)],
  [0x5a, signed('count', 2)],
  [0x5b, signed('count', 4)],
  [0x5c, signed('power', 4, 100)],
  [0x5d, signed('current', 2, 1000)],
  [0x5e, unsigned('direction', 2, 100)],
  [0x5f, unsigned('precipitation', 2, 10)],
  [0x60, unsigned('channel', 1)],
  [0x61, unsigned('rotational_speed', 2)],
  [0x62, signed('speed', 4, 1_000_000)],
  [0x63, signed('acceleration', 4, 1_000_000)],
  [0x64, unsigned('light_level', 1)],
  [0xf0, { is: 'deviceType', bytes: 2 }],
  [0xf1, { is: 'firmware', bytes: 4 }],
  [0xf2, { is: 'firmware', bytes: 3 }],
]);

/** Event codes; 0 says that this button of several was not touched. 0xfe is Shelly's hold before the format had one. */
export const buttonEvents: ReadonlyMap<number, string> = new Map([
  [0x01, 'press'],
  [0x02, 'double_press'],
  [0x03, 'triple_press'],
  [0x04, 'long_press'],
  [0x05, 'long_double_press'],
  [0x06, 'long_triple_press'],
  [0x80, 'hold_press'],
  [0xfe, 'hold_press'],
]);
export const dimmerEvents: ReadonlyMap<number, string> = new Map([
  [0x01, 'rotate_left'],
  [0x02, 'rotate_right'],
]);
