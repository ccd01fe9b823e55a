// What the sensors and openers of SwitchBot say, each out of its service data and what stands behind the address in company 0x0969.
import type { Value } from '../../../reading/reading.ts';
import { byteAt } from '../shared/numbers.ts';

export type Values = Record<string, Value>;
/** `service` from the letter on, `maker` behind the address (from the sequence on); both empty where they are not there. */
export type Parts = { service: Uint8Array; maker: Uint8Array };

export const nothing = (): Values => ({});

export const battery = ({ service }: Parts): Values =>
  service.length >= 3 ? { battery: byteAt(service, 2) & 0x7f } : {};

/** Sign (1 is plus) and whole degrees. */
const degrees = (whole: number, tenths: number): number =>
  (((whole & 0x7f) * 10 + tenths) * (whole & 0x80 ? 1 : -1) + 0) / 10;

/** Tenths in the low half of the first byte, sign and whole degrees, then humidity. More than nine tenths are none. */
export function climate(bytes: Uint8Array): Values {
  if (bytes.length < 3 || (byteAt(bytes, 0) & 0x0f) > 9) return {};
  return { temperature: degrees(byteAt(bytes, 1), byteAt(bytes, 0) & 0x0f), humidity: byteAt(bytes, 2) & 0x7f };
}

/** All zero says that nothing has been measured yet. */
function measured(values: Values): Values {
  return values['temperature'] === 0 && values['humidity'] === 0 && !values['battery'] ? {} : values;
}

export const meter = (parts: Parts): Values =>
  measured({
    ...climate(parts.maker.length >= 5 ? parts.maker.subarray(2, 5) : parts.service.subarray(3, 6)),
    ...battery(parts),
  });

const CO2_LIMIT = 9999;

export function carbonDioxide(parts: Parts): Values {
  const values = meter(parts);
  const ppm = parts.maker.length >= 9 ? word(parts.maker, 7) : CO2_LIMIT + 1;
  return 'temperature' in values && ppm <= CO2_LIMIT ? { ...values, co2: ppm } : values;
}

export const word = (bytes: Uint8Array, at: number): number => (byteAt(bytes, at) << 8) | byteAt(bytes, at + 1);

const WEATHER_WITH_VALUES = 10;

/** The same three bytes stand in the service data of an active scan, before what names the model. */
export function weatherStation(parts: Parts): Values {
  const { maker, service } = parts;
  if (maker.length < 5) return service.length < WEATHER_WITH_VALUES ? {} : meter(parts);
  return measured({ ...climate(maker.subarray(2, 5)), battery: byteAt(maker, 1) & 0x7f });
}

export const hub = ({ maker }: Parts): Values => measured(maker.length >= 10 ? climate(maker.subarray(7, 10)) : {});

export function hub2(parts: Parts): Values {
  const values = hub(parts);
  return 'temperature' in values ? { ...values, light_level: byteAt(parts.maker, 6) & 0x1f } : values;
}

export function hub3(parts: Parts): Values {
  const { maker } = parts;
  if (maker.length < 11) return {};
  return { ...hub(parts), light_level: byteAt(maker, 6) & 0x0f, motion: byteAt(maker, 10) > 0x7f };
}

export function climatePanel({ maker }: Parts): Values {
  if (maker.length < 10) return {};
  return {
    power: byteAt(maker, 1) > 0x7f,
    battery: byteAt(maker, 1) & 0x7f,
    ...climate(maker.subarray(2, 5)),
    motion: byteAt(maker, 9) > 0x7f,
    light: ((byteAt(maker, 9) >> 1) & 0x03) === 2,
  };
}

/** Both temperatures share the byte of their tenths. */
export function thermostat({ maker }: Parts): Values {
  if (maker.length < 7) return {};
  return {
    power: byteAt(maker, 1) > 0x7f,
    battery: byteAt(maker, 1) & 0x7f,
    temperature: degrees(byteAt(maker, 3), byteAt(maker, 2) & 0x0f),
    target_temperature: degrees(byteAt(maker, 4), byteAt(maker, 2) >> 4),
    opening: (byteAt(maker, 6) & 0x01) !== 0,
  };
}

/** Its climate is that of a meter bound to it. */
export function evaporativeHumidifier({ maker }: Parts): Values {
  if (maker.length < 11) return {};
  const hasMeter = byteAt(maker, 3) > 0x7f && (byteAt(maker, 3) & 0x7f) <= 100;
  return {
    power: byteAt(maker, 1) > 0x7f,
    ...(hasMeter
      ? { humidity: byteAt(maker, 3) & 0x7f, temperature: degrees(byteAt(maker, 4), byteAt(maker, 5) >> 4) }
      : {}),
    target_humidity: byteAt(maker, 10) & 0x7f,
  };
}

export const humidifier = ({ service }: Parts): Values => (service.length < 5 ? {} : { power: service[1] !== 0 });

export function motion(parts: Parts): Values {
  const { service, maker } = parts;
  const values: Values = battery(parts);
  if (maker.length >= 2)
    return { ...values, motion: (byteAt(maker, 1) & 0x40) !== 0, light: (byteAt(maker, 1) & 0x20) !== 0 };
  if (service.length < 6) return values;
  return { ...values, motion: (byteAt(service, 1) & 0x40) !== 0, light: (byteAt(service, 5) & 0x02) !== 0 };
}

export function presence(parts: Parts): Values {
  const { maker } = parts;
  if (maker.length < 6) return battery(parts);
  return { ...battery(parts), motion: (byteAt(maker, 1) & 0x40) !== 0, light_level: byteAt(maker, 5) & 0x1f };
}

/** A door that is not closed in time is still open. */
export function contact(parts: Parts): Values {
  const { service, maker } = parts;
  const values: Values = battery(parts);
  if (maker.length >= 7) {
    const flags = byteAt(maker, 1);
    return { ...values, motion: flags > 0x7f, light: (flags & 0x40) !== 0, opening: (flags & 0x30) !== 0 };
  }
  if (service.length < 9) return values;
  const flags = byteAt(service, 3);
  return {
    ...values,
    motion: (byteAt(service, 1) & 0x40) !== 0,
    light: (flags & 0x01) !== 0,
    opening: (flags & 0x06) !== 0,
  };
}

export function leak({ maker }: Parts): Values {
  if (maker.length < 3) return {};
  return {
    battery: byteAt(maker, 1) & 0x7f,
    low_battery: byteAt(maker, 1) > 0x7f,
    moisture: (byteAt(maker, 2) & 0x01) !== 0,
    tamper: (byteAt(maker, 2) & 0x02) !== 0,
  };
}

export function curtain(parts: Parts): Values {
  const { service, maker } = parts;
  const [place, light] = maker.length >= 5 ? maker.subarray(2) : service.subarray(3);
  const charge = maker.length >= 7 ? { battery: byteAt(maker, 6) & 0x7f } : battery(parts);
  if (place === undefined || light === undefined) return charge;
  return { ...charge, position: positionOf(place), moving: place > 0x7f, light_level: light >> 4 };
}

/** The devices count how far they are closed. */
const positionOf = (place: number): number => 100 - Math.min(100, place & 0x7f);

export function rollerShade(parts: Parts): Values {
  const { maker } = parts;
  if (maker.length < 4) return battery(parts);
  return {
    ...battery(parts),
    position: positionOf(byteAt(maker, 2)),
    moving: (byteAt(maker, 1) & 0x06) !== 0,
    light_level: byteAt(maker, 3) >> 4,
  };
}

export function blindTilt(parts: Parts): Values {
  const { maker } = parts;
  if (maker.length < 4) return battery(parts);
  return {
    ...battery(parts),
    tilt: Math.min(100, byteAt(maker, 2) & 0x7f),
    motion: byteAt(maker, 2) > 0x7f,
    light_level: byteAt(maker, 3) >> 4,
  };
}
