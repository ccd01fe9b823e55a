// Efento sensors: company 0x026C, a list of typed values, each 16 bits with an offset of its type.
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const COMPANY = '026c';
const SENSOR = 0x02;
const STATE = 0x03;
const VALUES = 0x04;
const LENGTH = 24;
const SLOTS = 3;
const deviceModel = 'Efento sensor';

/** Type of a value → metric, how it is counted, and the highest raw value; what is above stands for a fault of the sensor. */
const types: ReadonlyMap<number, { metric: string; of: (raw: number) => number; highest: number }> = new Map([
  [0x01, { metric: 'temperature', of: raw => rounded(raw / 100 - 150, 2), highest: 30_000 }],
  [0x02, { metric: 'humidity', of: raw => raw, highest: 100 }],
  [0x03, { metric: 'pressure', of: raw => rounded(raw / 10, 1), highest: 65_279 }],
  // In pascals.
  [0x04, { metric: 'pressure_difference', of: raw => raw - 0x8000, highest: 65_279 }],
]);

type Slot = { type: number; raw: number };

/** Further values of one kind are numbered. */
function decoded(slots: readonly Slot[]): Pick<Extract<Decoded, { telemetry: object }>, 'telemetry' | 'quality'> {
  const telemetry: Record<string, number> = {};
  const quality: Record<string, string> = {};
  for (const [at, { type, raw }] of slots.entries()) {
    const known = types.get(type);
    if (known === undefined) {
      if (type !== 0) quality[`type_${type}`] = 'this type is not known';
      continue;
    }
    const which = slots.slice(0, at).filter(slot => slot.type === type).length + 1;
    const metric = which === 1 ? known.metric : `${known.metric}_${which}`;
    if (raw > known.highest) quality[metric] = 'not available';
    else telemetry[metric] = known.of(raw);
  }
  return { telemetry, quality };
}

/** The values behind the versions, flags and counters; types first. */
function sensor(frame: Uint8Array): Decoded {
  const view = viewOf(frame);
  const slots = Array.from({ length: SLOTS }, (_, at) => ({ type: frame[11 + at]!, raw: view.getUint16(14 + 2 * at) }));
  const { telemetry, quality } = decoded(slots);
  return {
    telemetry: { ...telemetry, low_battery: (frame[3]! & 0x01) === 0 },
    quality,
    deviceModel,
    metadata: { packet: view.getUint32(4), firmware: `${frame[1]}.${frame[2]}` },
  };
}

/** Type and value after each other, then a checksum whose kind is not published. */
function values(frame: Uint8Array): Decoded {
  if (frame.length < 6 || frame.length % 3 !== 0)
    return { rejected: `Efento: expected whole values, got ${frame.length} bytes` };
  const view = viewOf(frame);
  const slots = Array.from({ length: frame.length / 3 - 1 }, (_, at) => ({
    type: view.getUint8(1 + 3 * at),
    raw: view.getUint16(2 + 3 * at),
  }));
  return { ...decoded(slots), deviceModel };
}

export const decoder = defineDecoder({
  name: 'efento',
  vendor: 'Efento',
  models: ['Bluetooth sensor'],
  source: 'https://github.com/reelyactive/advlib-ble-manufacturers',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    const version = frame[0];
    if (version === VALUES) return values(frame);
    if (version !== SENSOR && version !== STATE)
      return { telemetry: {}, deviceModel, quality: { payload: 'this version is not known' } };
    if (frame.length !== LENGTH) return { rejected: `Efento: expected ${LENGTH} bytes, got ${frame.length}` };
    return version === SENSOR ? sensor(frame) : { telemetry: { low_battery: (frame[9]! & 0x01) === 0 }, deviceModel };
  },
  examples: [
    {
      name: 'temperature and humidity',
      origin: 'reelyactive/advlib-ble-manufacturers test/unit/efento.js (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '0205090100002c07803c0001020645c1003d0e8000005d5d' } },
      gives: { temperature: 28.57, humidity: 61, low_battery: false },
    },
    {
      name: 'state',
      origin: 'reelyactive/advlib-ble-manufacturers test/unit/efento.js (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '031122334455660000010000000000000000000000005d5d' } },
      gives: { low_battery: false },
    },
    {
      name: 'values of a scan response',
      origin: 'reelyactive/advlib-ble-manufacturers test/unit/efento.js (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '040145c102003d0327955d5d' } },
      gives: { temperature: 28.57, humidity: 61, pressure: 1013.3 },
    },
    {
      name: 'three probes, two equal and below zero, one broken',
      advert: { manufacturer_data: { [COMPANY]: '04' + '01' + '3840' + '01' + '3840' + '01' + 'ff01' + '5d5d' } },
      gives: { temperature: -6, temperature_2: -6 },
    },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '0205090100002c07803c' } }, rejects: 'expected 24 bytes' },
    {
      name: 'cut within a value',
      advert: { manufacturer_data: { [COMPANY]: '040145c10200' + '3d' } },
      rejects: 'whole values',
    },
  ],
});
