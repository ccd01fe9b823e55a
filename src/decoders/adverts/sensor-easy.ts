// Sensor Easy (ELA Blue PUCK and COIN): values as standard characteristics, then known by the name, or in company 0x0757.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

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

/** Counter and state in one: the lowest bit is the state, the rest counts its changes. */
const state = (metric: string, whenSet = true): readonly [number, Read] => [
  3,
  view => ({ [metric]: (view.getUint8(1) & 1) === (whenSet ? 1 : 0) }),
];

const GRAVITY = 9.806_65;
const axis = (view: DataView, at: number): number => rounded((view.getInt16(at, true) * GRAVITY) / 1000);

/** First byte of the maker's own frame → length and values behind it. */
const frames: ReadonlyMap<number, readonly [bytes: number, read: Read]> = new Map<number, readonly [number, Read]>([
  [0x12, [3, view => climateAt(view, 1)]],
  [0x21, [5, view => ({ humidity: view.getUint8(1), ...climateAt(view, 3) })]],
  [0x32, state('opening', false)],
  [0x42, state('motion')],
  [
    0x56,
    [7, view => ({ acceleration_x: axis(view, 1), acceleration_y: axis(view, 3), acceleration_z: axis(view, 5) })],
  ],
  [0x62, state('input')],
  [0x92, state('motion')],
  [0xb2, state('touch')],
  [0xf1, [2, view => ({ battery: view.getUint8(1) })]],
  [0xf2, [3, view => ({ voltage: view.getUint16(1, true) / 1000 })]],
]);

function kindOf({ name = '' }: Advert): string | undefined {
  const [, kind, renamed] = NAME.exec(name) ?? [];
  return kind ?? (renamed === undefined ? undefined : renamed === 'H' ? 'RHT' : 'T');
}

const elaOrigin = 'reelyactive/advlib-ble-manufacturers test/unit/elainnovation.js (MIT)';
const origin = 'custom-components/ble_monitor test_teltonika.py (MIT)';

export const decoder = defineDecoder({
  name: 'sensor-easy',
  vendor: 'ELA Innovation',
  models: ['T', 'T PROBE', 'RHT', 'MAG', 'MOV', 'ANG', 'DI', 'PIR', 'TOUCH'],
  source: 'https://elainnovation.com/en/product-category/bluetooth-range/',
  keys: [COMPANY, TEMPERATURE, HUMIDITY, CONTACT],
  matches: advert =>
    frames.has(advert.manufacturerData.get(COMPANY)?.[0] ?? -1) ||
    (kindOf(advert) !== undefined &&
      (advert.manufacturerData.has(COMPANY) || [...values.keys()].some(uuid => advert.serviceData.has(uuid)))),
  decode(advert): Decoded {
    const telemetry: Record<string, number | boolean> = {};
    for (const [uuid, [length, read]] of values) {
      const bytes = advert.serviceData.get(uuid);
      if (bytes === undefined) continue;
      if (bytes.length !== length)
        return { rejected: `Sensor Easy ${uuid}: expected ${length} bytes, got ${bytes.length}` };
      Object.assign(telemetry, read(viewOf(bytes)));
    }
    let tells = advert.serviceData.has(TEMPERATURE);
    // Scanners put several frames of one company together.
    let own = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    for (;;) {
      const [length, read] = frames.get(own[0] ?? -1) ?? [];
      if (length === undefined || read === undefined) break;
      if (own.length < length) return { rejected: `Sensor Easy: expected ${length} bytes, got ${own.length}` };
      Object.assign(telemetry, read(viewOf(own)));
      tells ||= own[0] === 0x12 || own[0] === 0x21;
      own = own.subarray(length);
    }
    const missing = tells && !('temperature' in telemetry);
    return {
      telemetry,
      deviceModel: ['Sensor Easy', kindOf(advert)].filter(part => part !== undefined).join(' '),
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
      name: "temperature and battery in the maker's own frames",
      origin,
      advert: { manufacturer_data: { [COMPANY]: '12980af10d' } },
      gives: { temperature: 27.12, battery: 13 },
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
    {
      name: 'moved',
      origin: elaOrigin,
      advert: { manufacturer_data: { [COMPANY]: '420c00' } },
      gives: { motion: false },
    },
    {
      name: 'acceleration',
      origin: elaOrigin,
      advert: { manufacturer_data: { [COMPANY]: '56b8ffecffacfc' } },
      gives: { acceleration_x: -0.706079, acceleration_y: -0.196133, acceleration_z: -8.355266 },
    },
    {
      name: 'input',
      origin: elaOrigin,
      advert: { manufacturer_data: { [COMPANY]: '620a00' } },
      gives: { input: false },
    },
    {
      name: 'infrared',
      origin: elaOrigin,
      advert: { manufacturer_data: { [COMPANY]: '929d00' } },
      gives: { motion: true },
    },
    {
      name: 'touched',
      origin: elaOrigin,
      advert: { manufacturer_data: { [COMPANY]: 'b29d00' } },
      gives: { touch: true },
    },
    {
      name: 'a magnet, without a name',
      origin: elaOrigin,
      advert: { manufacturer_data: { [COMPANY]: '320a00' } },
      gives: { opening: true },
    },
    {
      name: "the maker's own frame, cut",
      advert: { manufacturer_data: { [COMPANY]: '1285' } },
      rejects: 'expected 3 bytes, got 2',
    },
  ],
});
