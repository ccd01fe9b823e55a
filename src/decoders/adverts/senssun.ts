// Senssun scales: company 0x0100, which others use too, so their address must stand in the frame.
import { fromHex } from '../../kernel/bytes.ts';
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const COMPANY = '0100';
const LENGTH = 17;
const STABLE = 0xa0;

function frameOf({ address, manufacturerData }: Advert): Uint8Array | undefined {
  const frame = manufacturerData.get(COMPANY);
  if (frame?.length !== LENGTH) return undefined;
  const own = fromHex(address ?? '');
  return own?.length === 6 && own.every((byte, at) => frame[3 + at] === byte) ? frame : undefined;
}

export const decoder = defineDecoder({
  name: 'senssun',
  vendor: 'Senssun',
  models: ['IF_B7'],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [COMPANY],
  matches: advert => frameOf(advert) !== undefined,
  decode(advert): Decoded {
    const frame = frameOf(advert);
    if (frame === undefined) return { rejected: `Senssun: expected ${LENGTH} bytes with the address` };
    const view = viewOf(frame);
    const mass = view.getUint16(10) / 100;
    const stabilized = (view.getUint8(14) & STABLE) === STABLE;
    return {
      telemetry: {
        mass_non_stabilized: mass,
        stabilized,
        ...(stabilized ? { mass, impedance: view.getUint16(12) } : {}),
      },
      deviceModel: 'Senssun IF_B7',
    };
  },
  examples: [
    {
      name: 'standing',
      origin: 'custom-components/ble_monitor test_senssun_parser.py (MIT)',
      advert: { address: '18:7A:93:C1:B3:33', manufacturer_data: { [COMPANY]: '020311187a93c1b333021a4500b4a1ab61' } },
      gives: { mass_non_stabilized: 67.25, stabilized: true, mass: 67.25, impedance: 180 },
    },
    {
      name: 'still moving',
      advert: { address: '18:7A:93:C1:B3:33', manufacturer_data: { [COMPANY]: '020311187a93c1b333021a450000010b61' } },
      gives: { mass_non_stabilized: 67.25, stabilized: false },
    },
  ],
});
