// Values under UUIDs of the Bluetooth SIG, as many simple devices send them: battery, temperature, humidity, pressure.
import type { Advert } from '../../reading/advert.ts';
import { defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

type Read = (view: DataView) => Record<string, number>;
const percent: Read = view => ({ battery: view.getUint8(0) });

/** UUID → length and value (Bluetooth GATT specification supplement). */
const services: ReadonlyMap<string, readonly [bytes: number, read: Read]> = new Map<string, readonly [number, Read]>([
  ['180f', [1, percent]],
  ['2a19', [1, percent]],
  ['2a6e', [2, view => ({ temperature: view.getInt16(0, true) / 100 })]],
  ['2a6f', [2, view => ({ humidity: view.getUint16(0, true) / 100 })]],
  ['2a6d', [4, view => ({ pressure: view.getUint32(0, true) / 1000 })]],
]);

function valuesOf(advert: Advert): Record<string, number> {
  const telemetry: Record<string, number> = {};
  for (const [uuid, bytes] of advert.serviceData) {
    const known = services.get(uuid);
    if (known !== undefined && known[0] === bytes.length) Object.assign(telemetry, known[1](viewOf(bytes)));
  }
  return telemetry;
}

export const decoder = defineDecoder({
  name: 'standard-services',
  vendor: 'Several',
  models: ['Battery service', 'Environmental characteristics'],
  source: 'https://www.bluetooth.com/specifications/gss/',
  generic: true,
  keys: [...services.keys()],
  matches: advert => Object.keys(valuesOf(advert)).length > 0,
  decode: advert => ({ telemetry: valuesOf(advert) }),
  examples: [
    { name: 'battery', advert: { service_data: { '180f': '5a' } }, gives: { battery: 90 } },
    {
      name: 'temperature, humidity, pressure',
      advert: { service_data: { '2a6e': '0cfe', '2a6f': '9411', '2a6d': '94760f00' } },
      gives: { temperature: -5, humidity: 45, pressure: 1013.396 },
    },
  ],
});
