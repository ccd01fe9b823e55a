// Oras water fittings: the Hydractiva hand shower (Amphiro) in company 0xFAEE, touchless faucets in 0x0131.
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded, uint24, viewOf } from './shared/numbers.ts';

const SHOWER = 'faee';
const SHOWER_LENGTH = 19;
const FAUCET = '0131';
const FAUCET_LENGTH = 18;

export const decoder = defineDecoder({
  name: 'oras',
  vendor: 'Oras',
  models: ['Hydractiva Digital', 'Smart faucet'],
  source: 'https://decoder.theengs.io/devices/ADHS.html',
  keys: [SHOWER, FAUCET],
  matches: advert =>
    advert.manufacturerData.has(SHOWER) || advert.manufacturerData.get(FAUCET)?.length === FAUCET_LENGTH,
  decode(advert): Decoded {
    const faucet = advert.manufacturerData.get(FAUCET);
    const frame = advert.manufacturerData.get(SHOWER);
    if (frame === undefined)
      return { telemetry: { battery: faucet?.[1] === undefined ? 0 : faucet[1] & 0x7f }, deviceModel: 'Oras faucet' };
    if (frame.length !== SHOWER_LENGTH)
      return { rejected: `Hydractiva: expected ${SHOWER_LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    return {
      telemetry: {
        duration: view.getUint16(3),
        water: rounded(uint24(view, 8) / 2560),
        temperature: view.getUint8(11),
        energy: view.getUint16(12) / 100,
      },
      deviceModel: 'Oras Hydractiva Digital',
      metadata: { session: uint24(view, 0) },
    };
  },
  examples: [
    {
      name: 'shower',
      advert: { manufacturer_data: { [SHOWER]: '0000250078000078006400' + '26' + '0078' + '194f000000' } },
      gives: { duration: 120, water: 10, temperature: 38, energy: 1.2 },
    },
    {
      name: 'faucet',
      advert: { manufacturer_data: { [FAUCET]: `0155${'30'.repeat(16)}` } },
      gives: { battery: 85 },
    },
    { name: 'cut', advert: { manufacturer_data: { [SHOWER]: '000025007800' } }, rejects: 'expected 19 bytes, got 6' },
  ],
});
