// What the actors of SwitchBot say of themselves: locks, switches, lights, vacuum cleaners and the like.
import { byteAt } from '../shared/numbers.ts';
import { battery, type Parts, type Values, word } from './sensors.ts';

const lockStates: readonly string[] = [
  'locked',
  'unlocked',
  'locking',
  'unlocking',
  'locking_stopped',
  'unlocking_stopped',
  'not_fully_locked',
];

/** `lock` is true while it is not locked, as everywhere in the vocabulary. */
function lockOf(state: number): Values {
  const named = lockStates[state];
  return named === undefined ? {} : { lock: state !== 0, lock_state: named };
}

export function lockLite(parts: Parts): Values {
  const { maker } = parts;
  return maker.length < 3 ? battery(parts) : { ...battery(parts), ...lockOf((byteAt(maker, 1) >> 4) & 0x07) };
}

export function lock(parts: Parts): Values {
  const { maker } = parts;
  return maker.length < 3 ? battery(parts) : { ...lockLite(parts), door: (byteAt(maker, 1) & 0x04) !== 0 };
}

export function lockPro({ maker }: Parts): Values {
  if (maker.length < 6) return {};
  return {
    battery: byteAt(maker, 3) & 0x7f,
    ...lockOf((byteAt(maker, 1) >> 3) & 0x0f),
    door: (byteAt(maker, 2) & 0x10) !== 0,
  };
}

export function keypadVision({ maker }: Parts): Values {
  if (maker.length < 7) return {};
  return {
    battery: byteAt(maker, 1) & 0x7f,
    battery_charging: byteAt(maker, 1) > 0x7f,
    tamper: (byteAt(maker, 2) & 0x02) !== 0,
  };
}

/** In the switch mode bit 6 is clear while the arm is on; in the press mode there is no such state. */
export function bot(parts: Parts): Values {
  const { service } = parts;
  const isSwitch = (service[1] ?? 0) > 0x7f;
  return { ...battery(parts), ...(isSwitch ? { power: (byteAt(service, 1) & 0x40) === 0 } : {}) };
}

export function plug({ maker }: Parts): Values {
  if (maker.length < 6) return {};
  return { switch: maker[1] === 0x80, power: (word(maker, 4) & 0x7fff) / 10 };
}

export const relay = ({ maker }: Parts): Values => (maker.length < 2 ? {} : { switch: byteAt(maker, 1) > 0x7f });

export function relayWithMeter(parts: Parts): Values {
  return parts.maker.length < 6 ? {} : { ...relay(parts), power: word(parts.maker, 4) };
}

export function twoRelays({ maker }: Parts): Values {
  if (maker.length < 8) return {};
  return {
    switch_1: byteAt(maker, 1) > 0x7f,
    power_1: word(maker, 4),
    switch_2: (byteAt(maker, 1) & 0x40) !== 0,
    power_2: word(maker, 6),
  };
}

export function garageDoor({ maker }: Parts): Values {
  return maker.length < 2 ? {} : { garage_door: (byteAt(maker, 1) & 0x20) === 0 };
}

export function light({ maker }: Parts): Values {
  return maker.length < 3 ? {} : { power: byteAt(maker, 1) > 0x7f, brightness: byteAt(maker, 1) & 0x7f };
}

export function ceilingLight({ maker }: Parts): Values {
  return maker.length < 5 ? {} : { power: byteAt(maker, 4) > 0x7f, brightness: byteAt(maker, 1) & 0x7f };
}

export function fan({ maker }: Parts): Values {
  return maker.length < 4
    ? {}
    : { power: byteAt(maker, 1) > 0x7f, battery: byteAt(maker, 2) & 0x7f, fan_speed: byteAt(maker, 3) & 0x7f };
}

export function airPurifier({ maker }: Parts): Values {
  return maker.length < 8 ? {} : { power: byteAt(maker, 1) > 0x7f, fan_speed: byteAt(maker, 3) & 0x7f };
}

export const vacuum = ({ maker }: Parts): Values => (maker.length < 8 ? {} : { battery: byteAt(maker, 6) });
export const vacuumK = ({ maker }: Parts): Values => (maker.length < 3 ? {} : { battery: byteAt(maker, 2) & 0x7f });
export const artFrame = ({ maker }: Parts): Values =>
  maker.length < 4 ? {} : { battery: byteAt(maker, 1) & 0x7f, battery_charging: byteAt(maker, 1) > 0x7f };
