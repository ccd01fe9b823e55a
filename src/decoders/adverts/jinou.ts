// Jinou BEC07-5: no company of its own, its place holds the sign and the whole degrees; known by its service and its address.
import { fromHex } from '../../kernel/bytes.ts';
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const SERVICE = 'aa20';
const LENGTH = 11;
const HOTTEST = 100;
/** Whole degrees, then 01 below zero. */
const COMPANIES = Array.from({ length: HOTTEST }, (_, whole) => whole.toString(16).padStart(2, '0')).flatMap(whole => [
  `${whole}00`,
  `${whole}01`,
]);

function frameOf(advert: Advert): { company: string; frame: Uint8Array } | undefined {
  if (!advert.serviceUuids.includes(SERVICE)) return undefined;
  const own = fromHex(advert.address ?? '');
  if (own?.length !== 6) return undefined;
  for (const [company, frame] of advert.manufacturerData)
    if (
      /^[0-9a-f]{2}0[01]$/.test(company) &&
      frame.length === LENGTH &&
      own.every((byte, at) => frame[5 + at] === byte)
    )
      return { company, frame };
  return undefined;
}

/** A whole number and its decimals, as two numbers beside each other. */
const decimal = (whole: number, decimals: number): number => Number(`${whole}.${decimals}`);

export const decoder = defineDecoder({
  name: 'jinou',
  vendor: 'Jinou',
  models: ['BEC07-5'],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: COMPANIES,
  matches: advert => frameOf(advert) !== undefined,
  decode(advert): Decoded {
    const found = frameOf(advert);
    if (found === undefined) return { rejected: `Jinou: expected ${LENGTH} bytes with the address` };
    const view = viewOf(found.frame);
    const above = decimal(Number.parseInt(found.company.slice(0, 2), 16), view.getUint8(0));
    return {
      telemetry: {
        temperature: (found.company.endsWith('1') ? -above : above) + 0,
        humidity: decimal(view.getUint8(2), view.getUint8(3)),
        battery: view.getUint8(4),
      },
      deviceModel: 'Jinou BEC07-5',
    };
  },
  examples: [
    {
      name: 'mild',
      origin: 'custom-components/ble_monitor test_jinou.py (MIT)',
      advert: {
        address: 'F8:81:D2:BE:06:93',
        service_uuids: [SERVICE],
        manufacturer_data: { '1200': '0700360264f881d2be0693' },
      },
      gives: { temperature: 18.7, humidity: 54.2, battery: 100 },
    },
    {
      name: 'below zero',
      advert: {
        address: 'F8:81:D2:BE:06:93',
        service_uuids: [SERVICE],
        manufacturer_data: { '0501': '0300360264f881d2be0693' },
      },
      gives: { temperature: -5.3, humidity: 54.2, battery: 100 },
    },
  ],
});
