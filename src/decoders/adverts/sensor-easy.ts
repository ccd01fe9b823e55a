// Sensor Easy (ELA Blue PUCK and COIN): values as standard characteristics in service data, known by the name, battery in company 0x0757.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const COMPANY = '0757';
const TEMPERATURE = '2a6e';
const HUMIDITY = '2a6f';
const CONTACT = '2a06';
// Puck or coin, then the kind of sensor.
const NAME = /^[PC] (T|RHT|TPROBE|MAG)(?: |$)/;
const NOT_MEASURED = 0x7fff;
const BATTERY = 0xf2;

type Read = (view: DataView) => Record<string, number | boolean>;

const climate: Read = (view): Record<string, number> =>
  view.getInt16(0, true) === NOT_MEASURED ? {} : { temperature: view.getInt16(0, true) / 100 };

/** UUID → length and value. */
const values: ReadonlyMap<string, readonly [bytes: number, read: Read]> = new Map<string, readonly [number, Read]>([
  [TEMPERATURE, [2, climate]],
  [HUMIDITY, [1, view => ({ humidity: view.getUint8(0) })]],
  // The lowest bit tells a magnet nearby; the rest counts.
  [CONTACT, [2, view => ({ opening: (view.getUint8(0) & 1) === 0 })]],
]);

const kindOf = (advert: Advert): string | undefined => NAME.exec(advert.name ?? '')?.[1];

export const decoder = defineDecoder({
  name: 'sensor-easy',
  vendor: 'ELA Innovation',
  models: ['T', 'T PROBE', 'RHT', 'MAG'],
  source: 'https://elainnovation.com/en/product-category/bluetooth-range/',
  keys: [COMPANY, TEMPERATURE, HUMIDITY, CONTACT],
  matches: advert =>
    kindOf(advert) !== undefined &&
    (advert.manufacturerData.has(COMPANY) || [...values.keys()].some(uuid => advert.serviceData.has(uuid))),
  decode(advert): Decoded {
    const telemetry: Record<string, number | boolean> = {};
    for (const [uuid, [length, read]] of values) {
      const bytes = advert.serviceData.get(uuid);
      if (bytes === undefined) continue;
      if (bytes.length !== length)
        return { rejected: `Sensor Easy ${uuid}: expected ${length} bytes, got ${bytes.length}` };
      Object.assign(telemetry, read(viewOf(bytes)));
    }
    const power = advert.manufacturerData.get(COMPANY);
    if (power?.length === 3 && power[0] === BATTERY) telemetry['voltage'] = viewOf(power).getUint16(1, true) / 1000;
    const missing = advert.serviceData.has(TEMPERATURE) && !('temperature' in telemetry);
    return {
      telemetry,
      deviceModel: `Sensor Easy ${kindOf(advert)}`,
      quality: missing ? { temperature: 'not available' } : {},
    };
  },
  examples: [
    {
      name: 'below zero, with battery',
      advert: {
        name: 'P T EN 8000A1',
        service_data: { [TEMPERATURE]: '0cfe' },
        manufacturer_data: { [COMPANY]: 'f2b80b' },
      },
      gives: { temperature: -5, voltage: 3 },
    },
    {
      name: 'nothing measured',
      advert: { name: 'C T 900001', service_data: { [TEMPERATURE]: 'ff7f' } },
      gives: {},
    },
    {
      name: 'humidity',
      advert: { name: 'P RHT 90000Z', service_data: { [TEMPERATURE]: '0a02', [HUMIDITY]: '2d' } },
      gives: { temperature: 5.22, humidity: 45 },
    },
    {
      name: 'closed',
      advert: { name: 'P MAG C0000C', service_data: { [CONTACT]: '2500' } },
      gives: { opening: false },
    },
    {
      name: 'cut',
      advert: { name: 'P T EN 8000A1', service_data: { [TEMPERATURE]: '0c' } },
      rejects: 'expected 2 bytes, got 1',
    },
  ],
});
