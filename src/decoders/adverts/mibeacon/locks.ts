// MiBeacon objects of door locks: door, bolt, fingerprint, who opened and how, faults.
import type { Value } from '../../../reading/reading.ts';
import { type MiObject, type Told, values } from './object.ts';

/** Low four bits of a lock event: what it acts on, whether that is now open, what happened. */
const actions: ReadonlyMap<number, readonly [bolt: string, open: boolean, action: string]> = new Map([
  [0, ['lock', true, 'unlock_outside_the_door']],
  [1, ['lock', false, 'locked']],
  [2, ['antilock', false, 'turn_on_antilock']],
  [3, ['antilock', true, 'release_the_antilock']],
  [4, ['lock', true, 'unlock_inside_the_door']],
  [5, ['lock', false, 'lock_inside_the_door']],
  [6, ['childlock', false, 'turn_on_child_lock']],
  [7, ['childlock', true, 'turn_off_child_lock']],
  [8, ['lock', false, 'lock_outside_the_door']],
  [15, ['lock', true, 'abnormal']],
]);

/** High four bits: by what means. */
const methods: readonly (string | undefined)[] = [
  'bluetooth',
  'password',
  'biometrics',
  'key_method',
  'turntable_method',
  'nfc_method',
  'one_time_password',
  'two_step_verification',
  'coercion_method',
  'homekit',
  'manual',
  'automatic',
  undefined,
  undefined,
  undefined,
  'abnormal',
];

/** Key ids from 0xC0DE0000 and 0xC0DE1000 on are faults. */
const faults: readonly string[] = [
  'frequent_unlocking_with_incorrect_password',
  'frequent_unlocking_with_wrong_fingerprints',
  'operation_timeout_password_input_timeout',
  'lock_picking',
  'reset_button_is_pressed',
  'the_wrong_key_is_frequently_unlocked',
  'foreign_body_in_the_keyhole',
  'the_key_has_not_been_taken_out',
  'error_nfc_frequently_unlocks',
  'timeout_is_not_locked_as_required',
  'failure_to_unlock_frequently_in_multiple_ways',
  'unlocking_the_face_frequently_fails',
  'failure_to_unlock_the_vein_frequently',
  'hijacking_alarm',
  'unlock_inside_the_door_after_arming',
  'palmprints_frequently_fail_to_unlock',
  'the_safe_was_moved',
];
const wornParts: readonly string[] = [
  'the_battery_level_is_less_than_10_percent',
  'the_battery_level_is_less_than_5_percent',
  'the_fingerprint_sensor_is_abnormal',
  'the_accessory_battery_is_low',
  'mechanical_failure',
  'the_lock_sensor_is_faulty',
];

const keyKinds: readonly string[] = ['Bluetooth', 'Fingerprint', 'Password', 'Key', 'NFC', 'Two-step', 'Face', 'Vein'];

function faultOf(key: number): string | undefined {
  return faults[key - 0xc0de0000] ?? wornParts[key - 0xc0de1000];
}

function operatorOf(key: number): string {
  if (key === 0) return 'administrator';
  if (key === 0xffffffff) return 'unknown operator';
  if (key === 0xdeadbeef) return 'invalid operator';
  if (key < 0x80000000) return `Bluetooth key ${key}`;
  return `${keyKinds[(key >>> 16) & 0x7fff] ?? 'other'} key ${key & 0xffff}`;
}

const fingerprintResults: readonly string[] = [
  'match_successful',
  'match_failed',
  'timeout',
  'low_quality_too_light_fuzzy',
  'insufficient_area',
  'skin_is_too_dry',
  'skin_is_too_wet',
];

function fingerprint(view: DataView): Partial<Told> {
  const result = view.getUint8(4);
  return {
    telemetry: { fingerprint: result === 0 },
    metadata: {
      keyId: operatorOf(view.getUint32(0, true)),
      fingerprintResult: fingerprintResults[result] ?? 'unknown',
    },
  };
}

/** By state: the door, and the alarms it raises or takes back. */
const doors: readonly Record<string, Value>[] = [
  { door: true, door_stuck: false, knock_on_the_door: false },
  { door: false, door_left_open: false, pry_the_door: false },
  { door: true, door_left_open: true },
  { door: false, knock_on_the_door: true },
  { door: true, pry_the_door: true },
  { door: false, door_stuck: true },
];

/** Action and method, key id, time. Only this one product has more than one bolt. */
function lockEvent(view: DataView, model: string): Partial<Told> {
  const code = view.getUint8(0);
  const action = actions.get(code & 0x0f);
  const method = methods[code >> 4];
  if (action === undefined || method === undefined) return {};
  const [bolt, open, what] = action;
  const key = view.getUint32(1, true);
  const error = faultOf(key);
  return {
    telemetry: {
      [model === 'ZNMS17LM' ? bolt : 'lock']: open,
      lock_method: method,
      ...(error === undefined ? {} : { error }),
    },
    metadata: { lockAction: what, ...(error === undefined ? { keyId: operatorOf(key) } : {}) },
  };
}

/** The handle of this product, lifted from outside, arms and locks. */
const HANDLE_LOCKS = 'DSL-C08';

function armed(view: DataView, model: string): Partial<Told> {
  const on = (view.getUint8(0) & 1) === 0;
  if (model !== HANDLE_LOCKS) return values({ armed: on });
  return {
    telemetry: { armed: on, lock: on, lock_method: 'manual' },
    metadata: { lockAction: 'lock_outside_the_door' },
  };
}

function lockState(view: DataView, model: string): Partial<Told> {
  const bits = view.getUint8(0);
  return model === HANDLE_LOCKS ? values({ lock: (bits & 1) === 0, childlock: (bits & 8) === 0 }) : {};
}

export const lockObjects: readonly (readonly [number, MiObject])[] = [
  [0x0006, { bytes: [5], read: fingerprint }],
  [0x0007, { bytes: [1, 5], read: view => values(doors[view.getUint8(0)] ?? {}) }],
  [0x0008, { bytes: [1, 5], read: armed }],
  [0x000b, { bytes: [9], read: lockEvent }],
  [0x100e, { bytes: [1], read: lockState }],
];
