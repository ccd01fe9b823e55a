// Trackers and watches that only say that they are there: known by name, service or the first bytes.
import { toHex } from '../../kernel/bytes.ts';
import type { Advert } from '../../reading/advert.ts';
import { defineDecoder } from '../define.ts';

type Tracker = { model: string; name?: RegExp; services?: readonly string[]; company?: string; begins?: string };

const trackers: readonly Tracker[] = [
  { model: 'Tile', name: /^Tile/, services: ['feed', 'feec', 'fd84'] },
  { model: 'Exposure notification', services: ['fd6f'] },
  { model: 'iTAG', name: /^iTAG/ },
  { model: 'Nut', name: /^nut(?:ale)?$/i },
  { model: 'Tag-It', name: /^Tag-It/ },
  { model: 'Mobvoi TicWatch GTH', name: /^TicWatch GTH/ },
  { model: 'Bosch Nyon', name: /^Nyon/ },
  { model: 'Gigaset G-tag', company: '0180', begins: '02151234' },
];

function isOf({ name, services, company, begins }: Tracker, advert: Advert): boolean {
  if (advert.name !== undefined && name?.test(advert.name)) return true;
  if (services?.some(uuid => advert.serviceUuids.includes(uuid) || advert.serviceData.has(uuid))) return true;
  const frame = company === undefined ? undefined : advert.manufacturerData.get(company);
  return frame !== undefined && toHex(frame.subarray(0, 4)) === begins;
}

export const decoder = defineDecoder({
  name: 'trackers',
  vendor: 'Several',
  models: trackers.map(({ model }) => model),
  source: 'https://decoder.theengs.io/devices/devices_by_brand.html',
  generic: true,
  matches: advert => trackers.some(tracker => isOf(tracker, advert)),
  decode: advert => ({
    telemetry: {},
    deviceModel: trackers.find(tracker => isOf(tracker, advert))?.model ?? 'Tracker',
  }),
  examples: [
    { name: 'Tile', advert: { service_data: { feed: '02001122334455' } }, gives: {} },
    { name: 'G-tag', advert: { manufacturer_data: { '0180': '02151234a1b2c3d4e5f6' } }, gives: {} },
    { name: 'iTAG', advert: { name: 'iTAG', manufacturer_data: { '0105': 'a1b2c3d4e5f60000' } }, gives: {} },
  ],
});
