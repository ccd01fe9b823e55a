// iNode Care Sensors: climate and motion; the company id carries the kind of sensor and the alarm for a low battery.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { batteryOf } from './inode/battery.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const LENGTH = 22;
const LOW_BATTERY = 0x04;
const FLAGS = ['90', '92', '94', '96'];
const MOTION = 0x8000;

/** Within what the sensors are made for; the maker's own app cuts here, too. */
const cut = (value: number, low: number, high: number): number => rounded(Math.min(high, Math.max(low, value)), 8);

type Read = (raw: number) => number;
/** Whole degrees, 13 bits with sign. */
const whole: Read = raw => cut(raw > 127 ? raw - 8192 : raw, -30, 70);
/** Sixteenths of a degree, 13 bits with sign. */
const sixteenths: Read = raw => cut(((raw & 0x1fff) - (raw & 0x1000 ? 0x2000 : 0)) / 16, -30, 70);
/** 14 bits of a Si7021. */
const ticks: Read = raw => cut((175.72 * raw * 4) / 65_536 - 46.85, -30, 70);
const offset: Read = raw => cut(42.5 + ((raw << 16) >> 16) / 480, -30, 70);
const percent: Read = raw => cut((125 * raw * 4) / 65_536 - 6, 1, 100);

type Kind = { model: string; temperature: Read; moves?: true; pressure?: true; humidity?: true };
const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['91', { model: 'Care Sensor 1', temperature: whole, moves: true }],
  ['92', { model: 'Care Sensor 2', temperature: sixteenths, moves: true }],
  ['93', { model: 'Care Sensor 3', temperature: ticks, moves: true, humidity: true }],
  ['94', { model: 'Care Sensor 4', temperature: whole, moves: true }],
  ['95', { model: 'Care Sensor 5', temperature: whole, moves: true }],
  ['96', { model: 'Care Sensor 6', temperature: whole, moves: true }],
  ['9a', { model: 'Care Sensor T', temperature: sixteenths }],
  ['9b', { model: 'Care Sensor HT', temperature: ticks, humidity: true }],
  ['9c', { model: 'Care Sensor PT', temperature: offset, pressure: true }],
  ['9d', { model: 'Care Sensor PHT', temperature: ticks, humidity: true, pressure: true }],
]);
const COMPANIES = [...kinds.keys()].flatMap(kind => FLAGS.map(flags => kind + flags));

const found = (advert: Advert): string | undefined =>
  COMPANIES.find(company => advert.manufacturerData.get(company)?.length === LENGTH);

export const decoder = defineDecoder({
  name: 'inode-care',
  vendor: 'iNode',
  models: [...kinds.values()].map(({ model }) => model),
  source: 'https://github.com/custom-components/ble_monitor',
  keys: COMPANIES,
  matches: advert => found(advert) !== undefined,
  decode(advert): Decoded {
    const company = found(advert) ?? '';
    const kind = kinds.get(company.slice(0, 2));
    const frame = advert.manufacturerData.get(company);
    if (kind === undefined || frame === undefined) return { rejected: `iNode: expected ${LENGTH} bytes` };
    const view = viewOf(frame);
    // Groups and battery, alarms, position or pressure, temperature, humidity or magnetic field; then time and signature.
    const place = view.getUint16(4, true);
    return {
      telemetry: {
        temperature: kind.temperature(view.getUint16(6, true)),
        ...(kind.humidity ? { humidity: percent(view.getUint16(8, true)) } : {}),
        ...(kind.pressure ? { pressure: place / 16 } : {}),
        ...(kind.moves ? { motion: (place & MOTION) !== 0 } : {}),
        ...batteryOf(view.getUint16(0, true) >> 12),
        low_battery: (Number.parseInt(company, 16) & LOW_BATTERY) !== 0,
      },
      deviceModel: `iNode ${kind.model}`,
    };
  },
  examples: [
    {
      name: 'humidity and temperature',
      advert: {
        manufacturer_data: { '9b90': '01a0' + '0000' + '0000' + '7f14' + 'b929' + '8e61af6c' + '0011223344556677' },
      },
      gives: { temperature: 9.4245874, humidity: 75.48956299, battery: 90, low_battery: false },
    },
    {
      name: 'below zero, moving, battery low',
      advert: {
        manufacturer_data: { '9194': '0020' + '0000' + '0080' + 'fb1f' + '0000' + '8e61af6c' + '0011223344556677' },
      },
      gives: { temperature: -5, motion: true, battery: 10, low_battery: true },
    },
    {
      name: 'pressure',
      advert: {
        manufacturer_data: { '9c90': '0010' + '0000' + '303f' + '30d0' + '0000' + '8e61af6c' + '0011223344556677' },
      },
      gives: { temperature: 17, pressure: 1011, battery: 100, low_battery: false },
    },
  ],
});
