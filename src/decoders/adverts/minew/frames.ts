// Frames of Minew beacons by their first two bytes: how long each is, and what stands where.
import type { Value } from '../../../reading/reading.ts';
import { rounded } from '../shared/numbers.ts';

/** `length` is missing where a frame may be of any; `telemetry` where it tells nothing; a text is why it cannot be read. */
export type Frame = {
  model: string;
  length?: number;
  telemetry?: (view: DataView) => Record<string, Value> | string;
};

const GRAVITY = 9.806_65;
/** Fixed point, 8 bits before and 8 after it. */
const fixed = (view: DataView, at: number): number => view.getInt16(at) / 256;
const battery = (view: DataView, at = 2) => ({ battery: view.getUint8(at) });
const temperature = (view: DataView, at = 3) => ({ temperature: fixed(view, at) });
const humidity = (view: DataView, at = 5) => ({ humidity: fixed(view, at) });

function acceleration(view: DataView, at: number): Record<string, number> {
  const axis = (which: number) => rounded(fixed(view, at + 2 * which) * GRAVITY);
  return { acceleration_x: axis(0), acceleration_y: axis(1), acceleration_z: axis(2) };
}

const withBattery = (model: string, length: number, read: (view: DataView) => Record<string, Value>): Frame => ({
  model,
  length,
  telemetry: view => ({ ...battery(view), ...read(view) }),
});
const flag = (model: string, length: number, metric: string, at = 3): Frame =>
  withBattery(model, length, view => ({ [metric]: (view.getUint8(at) & 1) === 1 }));

/** By the second byte of service data; the address of the beacon ends each. */
export const serviceFrames: ReadonlyMap<number, Frame> = new Map<number, Frame>([
  [0x01, withBattery('Temperature and humidity beacon', 13, view => ({ ...temperature(view), ...humidity(view) }))],
  [0x02, flag('Light beacon', 10, 'light')],
  [0x03, withBattery('Acceleration beacon', 15, view => acceleration(view, 3))],
  [0x05, withBattery('Illuminance beacon', 11, view => ({ illuminance: view.getUint16(3) }))],
  [0x07, { model: 'Minew beacon', length: 8 }],
  [
    0x08,
    { model: 'Minew beacon', telemetry: view => (view.byteLength < 9 ? 'expected at least 9 bytes' : battery(view)) },
  ],
  [0x11, flag('Infrared beacon', 11, 'motion', 4)],
  [0x12, withBattery('Air quality beacon', 11, view => ({ voc_ppb: view.getUint16(3) }))],
  [0x13, withBattery('Temperature beacon', 11, view => temperature(view))],
  [0x15, { model: 'Motion beacon', length: 20, telemetry: view => acceleration(view, 2) }],
  [0x17, withBattery('Pressure beacon', 13, view => ({ pressure: rounded(view.getInt32(3) / 65_536) }))],
  [0x18, flag('Vibration beacon', 14, 'vibration', 7)],
  [0x19, withBattery('Light beacon', 11, view => ({ light_level: view.getUint16(3) }))],
  [0x20, flag('Tamper beacon', 10, 'tamper')],
  [0x21, flag('Water beacon', 10, 'moisture')],
]);

const V3_LENGTH = 24;
/** What ends a frame of several values: a counter and a check. */
const V3_TAIL = 4;
const blocks: ReadonlyMap<number, { length: number; read: (view: DataView, at: number) => Record<string, Value> }> =
  new Map([
    [0x03, { length: 6, read: acceleration }],
    [0x21, { length: 1, read: battery }],
    [0x22, { length: 1, read: (view: DataView, at: number) => ({ opening: view.getUint8(at) > 0 }) }],
  ]);

/** Kind and value after each other; what follows one that is not known cannot be read. */
function several(view: DataView): Record<string, Value> | string {
  const telemetry: Record<string, Value> = {};
  const end = view.byteLength - V3_TAIL;
  for (let at = 2; at < end; ) {
    const block = blocks.get(view.getUint8(at));
    if (block === undefined) break;
    if (at + 1 + block.length > end) return 'a value is longer than the frame';
    Object.assign(telemetry, block.read(view, at + 1));
    at += 1 + block.length;
  }
  return telemetry;
}

function climate(view: DataView): Record<string, Value> {
  const alone = (view.getUint8(3) & 0x02) !== 0;
  return { ...temperature(view, 5), ...(alone ? {} : humidity(view, 7)) };
}

function people(view: DataView): Record<string, Value> {
  const inRoom = view.getUint8(2) === 1;
  return inRoom
    ? { people: view.getUint8(4) & 0x0f }
    : { entries: view.getUint16(4, true), exits: view.getUint16(6, true) };
}

/** One that is encrypted tells nothing. */
function tag(view: DataView): Record<string, Value> {
  const encrypted = (view.getUint8(2) & 0x80) !== 0;
  return encrypted ? {} : { voltage: view.getUint16(12) / 1000, ...temperature(view, 14) };
}

function distance(view: DataView): Record<string, Value> {
  const flags = view.getUint8(6);
  return {
    distance: view.getUint16(4, true),
    low_battery: (flags & 0x08) !== 0,
    occupancy: (flags & 0x04) !== 0,
    motion: (flags & 0x02) !== 0,
    tamper: (flags & 0x01) !== 0,
  };
}

/** By the first two bytes of the maker's own data. */
export const companyFrames: ReadonlyMap<number, Frame> = new Map<number, Frame>([
  [0xa301, { model: 'S3', length: 20 }],
  [0xa303, withBattery('S3', 16, view => ({ ...temperature(view), ...humidity(view) }))],
  [0xa400, { model: 'S4', length: 18 }],
  [0xa401, withBattery('S4', 15, view => ({ opening: view.getUint8(3) > 0, tamper: view.getUint8(4) > 0 }))],
  [0xca00, { model: 'Connect V3', length: V3_LENGTH, telemetry: view => battery(view, 8) }],
  [0xca03, { model: 'Connect V3', telemetry: several }],
  [0xca05, { model: 'Connect V3', length: V3_LENGTH, telemetry: climate }],
  [0xca18, { model: 'Connect V3', length: V3_LENGTH, telemetry: people }],
  [0xca1b, { model: 'Connect V3', length: V3_LENGTH, telemetry: tag }],
  [0xca1e, { model: 'Connect V3', length: V3_LENGTH, telemetry: distance }],
]);
