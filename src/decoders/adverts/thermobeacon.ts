// ThermoBeacon (WS02, WS08, Brifit, SensorBlue): the company id is the type; now and then the extremes instead of values.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const TYPES = ['0010', '0011', '0014', '0015', '0018', '001b', '0030'] as const;
const VALUES = 18;
const EXTREMES = 20;
// Both kinds carry the reversed address in bytes 2 to 7.
const MODEL = 'ThermoBeacon';

const frameOf = (advert: Advert): Uint8Array | undefined => {
  for (const type of TYPES) {
    const frame = advert.manufacturerData.get(type);
    if (frame !== undefined && (frame.length === VALUES || frame.length === EXTREMES)) return frame;
  }
  return undefined;
};

/** The discharge curve of a CR2477 in four straight pieces. */
function batteryOf(millivolts: number): number {
  if (millivolts >= 3000) return 100;
  if (millivolts >= 2600) return Math.round(60 + (millivolts - 2600) * 0.1);
  if (millivolts >= 2500) return Math.round(40 + (millivolts - 2500) * 0.2);
  return millivolts >= 2450 ? Math.round(20 + (millivolts - 2450) * 0.4) : 0;
}

function decode(frame: Uint8Array): Decoded {
  if (frame.length === EXTREMES) return { telemetry: {}, deviceModel: MODEL, quality: { payload: 'only extremes' } };
  const view = viewOf(frame);
  const millivolts = view.getUint16(8, true);
  if (millivolts < 1000 || millivolts > 5000)
    return { rejected: 'ThermoBeacon: impossible voltage, the frame is damaged' };
  const temperature = view.getInt16(10, true) / 16;
  const humidity = view.getUint16(12, true) / 16;
  const quality: Record<string, string> = {};
  if (temperature > 100) quality['temperature'] = 'not available';
  if (humidity > 100) quality['humidity'] = 'not available';
  return {
    telemetry: {
      ...(temperature > 100 ? {} : { temperature: rounded(temperature) }),
      ...(humidity > 100 ? {} : { humidity: rounded(humidity) }),
      voltage: millivolts / 1000,
      battery: batteryOf(millivolts),
    },
    quality,
    deviceModel: MODEL,
    metadata: { button: (frame[1]! & 0x80) !== 0, uptime: view.getUint32(14, true) },
  };
}

export const decoder = defineDecoder({
  name: 'thermobeacon',
  vendor: 'ThermoBeacon',
  models: ['WS02', 'WS07', 'WS08'],
  source: 'https://github.com/Bluetooth-Devices/thermobeacon-ble',
  keys: TYPES,
  matches: advert => frameOf(advert) !== undefined,
  decode: advert => decode(frameOf(advert) ?? new Uint8Array(EXTREMES)),
  examples: [
    {
      name: 'below zero',
      advert: { manufacturer_data: { '0011': '000011220000d0c8' + 'b80b' + 'b0ff' + 'd002' + '10270000' } },
      gives: { temperature: -5, humidity: 45, voltage: 3, battery: 100 },
    },
    {
      name: 'extremes',
      advert: { manufacturer_data: { '0011': '000011220000d0c8a001100000000a0180000000' } },
      gives: {},
    },
    {
      name: 'extremes, cut to the length of values',
      advert: { manufacturer_data: { '0010': '0000fe0d00000663db01779f010082011cd3' } },
      rejects: 'impossible voltage',
    },
  ],
});
