// BeeWi and Otio door sensor: company 0x000D, type 0x080C.
import { defineDecoder } from '../define.ts';

const COMPANY = '000d';
const LENGTH = 5;

export const decoder = defineDecoder({
  name: 'beewi',
  vendor: 'BeeWi',
  models: ['BSDOO'],
  source: 'https://decoder.theengs.io/devices/BSDOO.html',
  keys: [COMPANY],
  matches(advert) {
    const frame = advert.manufacturerData.get(COMPANY);
    return frame?.[0] === 0x08 && frame[1] === 0x0c;
  },
  decode(advert) {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame.length !== LENGTH) return { rejected: `BeeWi: expected ${LENGTH} bytes, got ${frame.length}` };
    return { telemetry: { opening: (frame[2]! & 1) !== 0, battery: frame[4]! }, deviceModel: 'BeeWi BSDOO' };
  },
  examples: [
    {
      name: 'closed',
      advert: { manufacturer_data: { [COMPANY]: '080c00065a' } },
      gives: { opening: false, battery: 90 },
    },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '080c0006' } }, rejects: 'expected 5 bytes, got 4' },
  ],
});
