// Mopeka tank sensors: the time of an echo, turned into a level with the temperature and the medium.
import type { Advert } from '../../reading/advert.ts';
import { defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const COMPANY = '0059';
const SERVICE = 'fee5';
const LENGTH = 10;

/** Millimetres per unit: constant, linear and square part in the raw temperature (°C + 40). */
type Medium = readonly [number, number, number];
const propane: Medium = [0.573_045, -0.002_822, -0.000_005_35];
const air: Medium = [0.153_096, 0.000_327, -0.000_000_294];
const water: Medium = [0.600_592, 0.003_124, -0.000_013_68];

/**
 * `fine`: public parsers give fractions for a bare frame of this sensor; for the others, and wherever the service is
 * advertised with it, whole millimetres and tenths of a percent.
 */
type Sensor = { model: string; medium?: Medium; fine?: true };

/** By the first byte. The universal sensor is sold for several media and does not say which it is used for. */
const sensors: ReadonlyMap<number, Sensor> = new Map<number, Sensor>([
  [0x03, { model: 'Pro Check', medium: propane, fine: true }],
  [0x04, { model: 'Pro-200', medium: propane }],
  [0x05, { model: 'Pro Check H2O', medium: water }],
  [0x06, { model: 'Lippert BottleCheck', medium: propane }],
  [0x08, { model: 'Pro Plus', medium: propane }],
  [0x09, { model: 'Pro Plus with Cellular', medium: propane }],
  [0x0a, { model: 'TD40/TD200', medium: air }],
  [0x0b, { model: 'TD40/TD200 with Cellular', medium: air }],
  [0x0c, { model: 'Pro Check Universal' }],
  [0x12, { model: 'Pro-200B', medium: propane }],
]);

/** The company id is that of the radio's maker; length and type, or the service, make it a Mopeka. */
function matches(advert: Advert): boolean {
  const frame = advert.manufacturerData.get(COMPANY);
  if (frame === undefined) return false;
  return advert.serviceUuids.includes(SERVICE) || (frame.length === LENGTH && sensors.has(frame[0]!));
}

const origin = 'Bluetooth-Devices/mopeka-iot-ble tests/test_parser.py (Apache-2.0)';

/** What all examples tell besides the level. */
const butLevel = {
  temperature: 27,
  battery: 100,
  voltage: 3.5,
  battery_voltage: 3.5,
  button_pressed: false,
  reading_quality: 100,
  accelerometer_x: 250,
  accelerometer_y: 227,
};

export const decoder = defineDecoder({
  name: 'mopeka',
  vendor: 'Mopeka',
  models: [...sensors.values()].map(({ model }) => model),
  source: 'https://github.com/Bluetooth-Devices/mopeka-iot-ble',
  keys: [COMPANY],
  matches,
  decode(advert) {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame.length !== LENGTH) return { rejected: `Mopeka: expected ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    const sensor = sensors.get(view.getUint8(0));
    if (sensor === undefined) return { rejected: `Mopeka: sensor type ${view.getUint8(0)} is not known` };
    const fine = sensor.fine === true && !advert.serviceUuids.includes(SERVICE);
    const voltage = (view.getUint8(1) & 0x7f) / 32;
    const charge = Math.min(100, Math.max(0, ((voltage - 2.2) / 0.65) * 100));
    const warmth = view.getUint8(2) & 0x7f;
    const echo = view.getUint16(3, true);
    const stars = echo >> 14;
    const telemetry: Record<string, number | boolean> = {
      temperature: warmth - 40,
      battery: rounded(charge, fine ? 8 : 1),
      voltage,
      battery_voltage: voltage,
      button_pressed: (view.getUint8(2) & 0x80) !== 0,
      reading_quality: Math.round((stars / 3) * 100),
      accelerometer_x: view.getUint8(8),
      accelerometer_y: view.getUint8(9),
    };
    const quality: Record<string, string> = {};
    if (sensor.medium === undefined) quality['tank_level'] = 'the medium is not known';
    else if (stars === 0) quality['tank_level'] = 'no echo';
    else {
      const [constant, linear, square] = sensor.medium;
      const level = (echo & 0x3fff) * (constant + linear * warmth + square * warmth ** 2);
      telemetry['tank_level'] = fine ? rounded(level, 4) : Math.floor(level);
    }
    return { telemetry, quality, deviceModel: `Mopeka ${sensor.model}`, metadata: { echo: echo & 0x3fff } };
  },
  examples: [
    {
      name: 'propane',
      origin,
      advert: { service_uuids: [SERVICE], manufacturer_data: { [COMPANY]: '067043b6c3e0f509fae3' } },
      gives: {
        ...butLevel,
        tank_level: 341,
      },
    },
    {
      name: 'propane, with its service: whole millimetres',
      origin,
      advert: { service_uuids: [SERVICE], manufacturer_data: { [COMPANY]: '037043b6c3e0f509fae3' } },
      gives: {
        ...butLevel,
        tank_level: 341,
      },
    },
    {
      name: 'propane, the bare frame',
      advert: { manufacturer_data: { [COMPANY]: '037043b6c3e0f509fae3' } },
      gives: {
        ...butLevel,
        tank_level: 341.9571,
      },
    },
    {
      name: 'air, poor echo',
      origin,
      advert: { service_uuids: [SERVICE], manufacturer_data: { [COMPANY]: '0a73404e4d6a75107f80' } },
      gives: {
        temperature: 24,
        battery: 100,
        voltage: 3.593_75,
        battery_voltage: 3.593_75,
        button_pressed: false,
        reading_quality: 33,
        accelerometer_x: 127,
        accelerometer_y: 128,
        tank_level: 588,
      },
    },
    {
      name: 'no echo, button pressed, below zero',
      advert: { manufacturer_data: { [COMPANY]: '0853a30000e0f509f0d8' } },
      gives: {
        temperature: -5,
        battery: 60.6,
        voltage: 2.593_75,
        battery_voltage: 2.593_75,
        button_pressed: true,
        reading_quality: 0,
        accelerometer_x: 240,
        accelerometer_y: 216,
      },
    },
    {
      name: 'cut',
      advert: { service_uuids: [SERVICE], manufacturer_data: { [COMPANY]: '067043b6c3e0f509fa' } },
      rejects: 'expected 10 bytes, got 9',
    },
  ],
});
