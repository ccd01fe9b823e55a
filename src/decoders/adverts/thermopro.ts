// ThermoPro: thermometers that begin with the temperature in the place of the company id, and meat probes.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { wholeFrame } from './inkbird/frame.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const NAME = /^TP(3[59]|9[67])/;
const PROBE = 7;
const PROBE_WITH_BASE = 13;
const FOUR_SENSORS = 23;
// Offsets of the two kinds of probes.
const CELSIUS_OFFSET = 30;
const FAHRENHEIT_OFFSET = 54;

/** Whole percent from millivolts; the curve is one that was fitted to these probes. */
function charge(millivolts: number): number {
  const percent = 52.317286 * Math.tanh(millivolts / 273.624277936 - 8.76485439394) + 51.06925;
  return Math.round(Math.min(100, Math.max(0, percent)));
}

const celsius = (shown: number): number => rounded(((shown - FAHRENHEIT_OFFSET - 32) * 5) / 9, 1);

/** Byte 0 belongs to the frame counter, 1 and 2 are tenths of a degree, 3 percent; the battery has three steps. */
function climate(frame: Uint8Array): Decoded {
  const view = viewOf(frame);
  const battery = [1, 50, 100][frame[4]! & 0x03];
  const measured = frame[1] !== 0xff || frame[2] !== 0xff || frame[3] !== 0xff;
  return {
    telemetry: {
      ...(measured ? { temperature: view.getInt16(1, true) / 10, humidity: view.getUint8(3) } : {}),
      ...(battery === undefined ? {} : { battery }),
    },
    quality: measured ? {} : { temperature: 'not available', humidity: 'not available' },
  };
}

function meatProbe(frame: Uint8Array): Decoded {
  const view = viewOf(frame);
  const probe = view.getUint8(0) + 1;
  return {
    telemetry: {
      [`internal_temperature_probe_${probe}`]: view.getUint16(1, true) - CELSIUS_OFFSET,
      [`ambient_temperature_probe_${probe}`]: view.getUint16(5, true) - CELSIUS_OFFSET,
      [`battery_probe_${probe}`]: charge(view.getUint16(3, true)),
    },
  };
}

/** Tip, middle and end of one probe as float32, in °F whatever the display shows. */
function longProbe(frame: Uint8Array): Decoded {
  const view = viewOf(frame);
  const probe = view.getUint8(0) + 1;
  return {
    telemetry: {
      [`internal_temperature_probe_${probe}`]: celsius(view.getFloat32(5, true)),
      [`internal_center_temperature_probe_${probe}`]: celsius(view.getFloat32(9, true)),
      [`internal_end_temperature_probe_${probe}`]: celsius(view.getFloat32(13, true)),
      [`ambient_temperature_probe_${probe}`]: Math.trunc(celsius(view.getUint16(1, true))),
      [`battery_probe_${probe}`]: charge(view.getUint16(3, true)),
    },
  };
}

function decode(advert: Advert): Decoded {
  const frame = wholeFrame(advert) ?? new Uint8Array();
  const name = advert.name ?? '';
  const isProbe = name.startsWith('TP9');
  const { length } = frame;
  const read = !isProbe
    ? length >= 6
      ? climate
      : undefined
    : length === FOUR_SENSORS && name.startsWith('TP97')
      ? longProbe
      : length === PROBE || length === PROBE_WITH_BASE
        ? meatProbe
        : undefined;
  if (read === undefined) return { rejected: `ThermoPro: ${Math.max(0, length - 2)} bytes are no frame of this model` };
  return { ...read(frame), deviceModel: `ThermoPro ${name.split(' ')[0]}` };
}

export const decoder = defineDecoder({
  name: 'thermopro',
  vendor: 'ThermoPro',
  models: [
    'TP351',
    'TP357',
    'TP357S',
    'TP358',
    'TP358S',
    'TP359',
    'TP393',
    'TP397',
    'TP960',
    'TP962',
    'TP970',
    'TP972',
  ],
  source: 'https://github.com/Bluetooth-Devices/thermopro-ble',
  matches: advert => advert.name !== undefined && NAME.test(advert.name) && advert.manufacturerData.size > 0,
  decode,
  examples: [
    {
      name: 'below zero',
      advert: { name: 'TP357 (2142)', manufacturer_data: { cec2: 'ff2d022c' } },
      gives: { temperature: -5, humidity: 45, battery: 100 },
    },
    {
      name: 'nothing measured',
      advert: { name: 'TP357S', manufacturer_data: { ffc2: 'ffff010b' } },
      gives: { battery: 50 },
    },
    {
      name: 'meat probe',
      advert: { name: 'TP960R', manufacturer_data: { '3f00': '00280b3800' } },
      gives: { internal_temperature_probe_1: 33, ambient_temperature_probe_1: 26, battery_probe_1: 100 },
    },
    { name: 'cut', advert: { name: 'TP357', manufacturer_data: { cec2: 'ff2d' } }, rejects: 'no frame of this model' },
  ],
});
