// Chest straps that send the heart rate along with every advert: Polar H10 and XOSS X2.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';

const POLAR = '006b';
const XOSS = 'ff04';
const LENGTH = 4;

function decode(advert: Advert): Decoded {
  const polar = advert.manufacturerData.get(POLAR);
  const xoss = advert.manufacturerData.get(XOSS);
  const frame = polar ?? xoss ?? new Uint8Array();
  if (frame.length !== LENGTH)
    return polar === undefined
      ? { rejected: `XOSS: expected ${LENGTH} bytes, got ${frame.length}` }
      : { telemetry: {}, deviceModel: 'Polar', quality: { payload: 'a frame without a heart rate' } };
  // No pulse is told as 0.
  const pulse: Record<string, number> = frame[3] === 0 ? {} : { heart_rate: frame[3]! };
  return polar === undefined
    ? { telemetry: { ...pulse, battery: frame[1]! & 0x7f }, deviceModel: 'XOSS X2' }
    : { telemetry: pulse, deviceModel: 'Polar H10' };
}

export const decoder = defineDecoder({
  name: 'heart-rate',
  vendor: 'Polar, XOSS',
  models: ['Polar H10', 'XOSS X2'],
  source: 'https://decoder.theengs.io/devices/H10.html',
  keys: [POLAR, XOSS],
  matches: advert => advert.manufacturerData.has(POLAR) || advert.manufacturerData.has(XOSS),
  decode,
  examples: [
    { name: 'Polar', advert: { manufacturer_data: { [POLAR]: '2f166b50' } }, gives: { heart_rate: 80 } },
    { name: 'XOSS', advert: { manufacturer_data: { [XOSS]: '01e10650' } }, gives: { heart_rate: 80, battery: 97 } },
    { name: 'no pulse', advert: { manufacturer_data: { [POLAR]: '2f166b00' } }, gives: {} },
    { name: 'cut', advert: { manufacturer_data: { [XOSS]: '01e106' } }, rejects: 'expected 4 bytes, got 3' },
  ],
});
