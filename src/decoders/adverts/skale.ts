// Atomax Skale kitchen scales: company 0x81EF, tenths of a gram.
import { defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const COMPANY = '81ef';
const LENGTH = 4;

export const decoder = defineDecoder({
  name: 'skale',
  vendor: 'Atomax',
  models: ['Skale I', 'Skale II'],
  source: 'https://decoder.theengs.io/devices/SKALE.html',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert) {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame.length !== LENGTH) return { rejected: `Skale: expected ${LENGTH} bytes, got ${frame.length}` };
    return { telemetry: { mass: viewOf(frame).getInt16(0, true) / 10_000 }, deviceModel: 'Atomax Skale' };
  },
  examples: [
    { name: 'a cup', advert: { manufacturer_data: { [COMPANY]: 'c40900' + '00' } }, gives: { mass: 0.25 } },
    { name: 'less than nothing', advert: { manufacturer_data: { [COMPANY]: '0cfeffff' } }, gives: { mass: -0.05 } },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: 'c409' } }, rejects: 'expected 4 bytes, got 2' },
  ],
});
