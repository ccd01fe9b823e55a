// MiBeacon objects that single products define, ids from 0x4800 on (as in Bluetooth-Devices/xiaomi-ble).
import type { Value } from '../../../reading/reading.ts';
import { float32 } from '../shared/numbers.ts';
import { contact, flag, float, idle, type MiObject, number, type Told, values } from './object.ts';

export const productObjects: readonly (readonly [number, MiObject])[] = [
  [0x4801, float('temperature', 1)],
  [0x4802, number('humidity', 1)],
  [0x4803, number('battery', 1)],
  [0x4804, contact(1, 2, ['door_left_open', 'device_forcibly_removed'])],
  [0x4805, float('illuminance')],
  [
    0x4806,
    {
      bytes: [1],
      read: (view, model) =>
        values({ [model === 'SJWS02LM' ? 'bottom_submersion' : 'moisture']: view.getUint8(0) > 0 }),
    },
  ],
  [0x4808, float('humidity', 1)],
  [0x480c, contact(0, 1, [])],
  [0x4818, { bytes: [2], read: view => idle(view.getUint16(0, true)) }],
  [0x483c, flag('occupancy')],
  [0x483d, number('pressure_present_duration', 4)],
  [0x483e, number('pressure_not_present_duration', 4)],
  [
    0x484e,
    {
      bytes: [1],
      // 2 is "nobody" of this one product.
      read: (view, model) =>
        values({ occupancy: model === 'XMOSB01XS' ? view.getUint8(0) === 1 : view.getUint8(0) > 0 }),
    },
  ],
  [0x4851, number('duration_detected', 1)],
  [0x4852, number('duration_cleared', 1)],
  [0x487b, flag('top_splash')],
  [0x4a01, flag('low_battery')],
  [0x4a08, { bytes: [4], read: view => values({ motion: true, illuminance: float32(view, 0) }) }],
  [
    0x4a0f,
    {
      bytes: [1],
      read: view => (view.getUint8(0) === 1 ? values({ opening: true, device_forcibly_removed: true }) : {}),
    },
  ],
  [0x4a12, contact(1, 2, ['door_left_open', 'device_forcibly_removed'])],
  [
    0x4a1a,
    { bytes: [1], read: view => (view.getUint8(0) === 1 ? values({ opening: true, door_left_open: true }) : {}) },
  ],
  [
    0x4a68,
    {
      bytes: [1],
      read: view =>
        [
          values({ bottom_submersion: true }),
          values({ bottom_submersion: false }),
          values({ top_splash: true }),
          values({ top_splash: false }),
        ][view.getUint8(0)] ?? {},
    },
  ],
  [0x4c01, float('temperature', 2)],
  [0x4c02, number('humidity', 1)],
  [0x4c03, number('battery', 1)],
  [0x4c08, float('humidity')],
  [0x4c14, { bytes: [1], read: view => ({ metadata: { mode: view.getUint8(0) } }) }],
  [0x4e01, flag('low_battery')],
  [0x4e1c, { bytes: [1], read: () => ({ metadata: { deviceReset: true } }) }],
  [0x5003, number('battery', 1)],
  [
    0x5413,
    {
      bytes: [1],
      read: (view, model) => (model === 'ES5BB' ? values({ occupancy_close_range: view.getUint8(0) > 0 }) : {}),
    },
  ],
  [0x5414, { bytes: [1], read: view => ({ metadata: { mode: view.getUint8(0) } }) }],
  [
    0x5422,
    {
      bytes: [1],
      read: view => values({ charging_state: ['Charging', 'Not Charging', 'Full'][view.getUint8(0)] ?? 'Unknown' }),
    },
  ],
  [0x5810, { bytes: [1], read: view => values({ asleep: view.getUint8(0) === 0 }) }],
  [0x6461, { bytes: [1], read: view => values({ wearing: view.getUint8(0) === 0 }) }],
  [0x4e16, { bytes: [9], read: scale }],
  [0x6e16, { bytes: [9], read: bodyScale }],
];

/** Profile, hundredths of a kilogram, time. */
function scale(view: DataView): Partial<Told> {
  const mass = view.getUint32(1, true) / 100;
  return mass === 0 ? {} : values({ mass, profile_id: view.getUint8(0) });
}

/** Profile, then mass (11 bits of 0.1 kg), pulse above 50 (7 bits) and impedance (14 bits of 0.1 Ω), time. */
function bodyScale(view: DataView): Partial<Told> {
  const data = view.getUint32(1, true);
  const mass = data & 0x7ff;
  const pulse = (data >>> 11) & 0x7f;
  const impedance = (data >>> 18) / 10;
  const told: Record<string, Value> = { profile_id: view.getUint8(0) };
  if (mass !== 0) told['mass'] = mass / 10;
  if (pulse > 0 && pulse < 127) told['heart_rate'] = pulse + 50;
  // The last frame of a weighing brings only the impedance at 250 kHz; the one before it, with the mass, that at 50 kHz.
  const last = mass === 0 && pulse === 0;
  if (impedance !== 0) told[last ? 'impedance_high' : 'impedance_low'] = impedance;
  told['stabilized'] = last ? impedance !== 0 : impedance === 0;
  return values(told);
}
