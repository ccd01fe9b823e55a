// Onset HOBO MX2001 water level logger: company 0x00C5, the level in metres as float32.
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const COMPANY = '00c5';
const LENGTH = 20;
const WATER_LEVEL = 0x07;

export const decoder = defineDecoder({
  name: 'onset',
  vendor: 'Onset',
  models: ['HOBO MX2001'],
  source: 'https://decoder.theengs.io/devices/HOBOMX2001.html',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame[0] !== WATER_LEVEL)
      return { telemetry: {}, deviceModel: 'Onset HOBO', quality: { payload: 'only the water level is understood' } };
    if (frame.length !== LENGTH) return { rejected: `HOBO MX2001: expected ${LENGTH} bytes, got ${frame.length}` };
    return {
      telemetry: { tank_level: rounded(viewOf(frame).getFloat32(16, true) * 1000, 4) },
      deviceModel: 'Onset HOBO MX2001',
    };
  },
  examples: [
    {
      name: 'half a metre below the reference',
      advert: { manufacturer_data: { [COMPANY]: '07112233445566020000090010200300' + '000000bf' } },
      gives: { tank_level: -500 },
    },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '071122334455' } }, rejects: 'expected 20 bytes, got 6' },
  ],
});
