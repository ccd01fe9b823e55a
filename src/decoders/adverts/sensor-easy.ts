// Sensor Easy (ELA Blue PUCK and COIN): values as standard characteristics or in company 0x0757, known by the name.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const COMPANY = '0757';
const TEMPERATURE = '2a6e';
const HUMIDITY = '2a6f';
const CONTACT = '2a06';
// Puck or coin, then the kind of sensor; some are renamed after it.
const NAME = /^[PC] (T|RHT|TPROBE|MAG)(?: |$)|^PUCK_T(H|1)$/;
const NOT_MEASURED = 0x7fff;

type Read = (view: DataView) => Record<string, number | boolean>;

function climateAt(view: DataView, at: number): Record<string, number> {
  const raw = view.getInt16(at, true);
  return raw === NOT_MEASURED ? {} : { temperature: raw / 100 };
}

/** UUID → length and value. */
const values: ReadonlyMap<string, readonly [bytes: number, read: Read]> = new Map<string, readonly [number, Read]>([
  [TEMPERATURE, [2, view => climateAt(view, 0)]],
  [HUMIDITY, [1, view => ({ humidity: view.getUint8(0) })]],
  // The lowest bit tells a magnet nearby; the rest counts.
  [CONTACT, [2, view => ({ opening: (view.getUint8(0) & 1) === 0 })]],
]);

/** First byte of the maker's own frame → length and values behind it. */
const frames: ReadonlyMap<number, readonly [bytes: number, read: Read]> = new Map<number, readonly [number, Read]>([
  [0x12, [3, view => climateAt(view, 1)]],
  [0x21, [5, view => ({ humidity: view.getUint8(1), ...climateAt(view, 3) })]],
  [0xf1, [2, view => ({ battery: view.getUint8(1) })]],
  [0xf2, [3, view => ({ voltage: view.getUint16(1, true) / 1000 })]],
]);

function kindOf({ name = '' }: Advert): string | undefined {
  const [, kind, renamed] = NAME.exec(name) ?? [];
  return kind ?? (renamed === undefined ? undefined : renamed === 'H' ? 'RHT' : 'T');
}

const origin = 'custom-components/ble_monitor test_teltonika.py (MIT)';

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
    const own = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    const [length, read] = frames.get(own[0] ?? -1) ?? [];
    if (read !== undefined && own.length === length) Object.assign(telemetry, read(viewOf(own)));
    const tells = advert.serviceData.has(TEMPERATURE) || own[0] === 0x12 || own[0] === 0x21;
    const missing = tells && !('temperature' in telemetry);
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
    {
      name: "temperature in the maker's own frame",
      origin,
      advert: { name: 'P T EN 80906F', manufacturer_data: { [COMPANY]: '122e07' } },
      gives: { temperature: 18.38 },
    },
    {
      name: "humidity and temperature in the maker's own frame",
      origin,
      advert: { name: 'P RHT 900459', manufacturer_data: { [COMPANY]: '213012b80a' } },
      gives: { humidity: 48, temperature: 27.44 },
    },
    {
      name: 'battery in percent, of one that was renamed',
      advert: {
        name: 'PUCK_TH',
        service_data: { '2a6e': '0cfe', '2a6f': '23' },
        manufacturer_data: { [COMPANY]: 'f10d' },
      },
      gives: { temperature: -5, humidity: 35, battery: 13 },
    },
  ],
});
