// Tyre pressure caps: company 0x0100, an address of the range 8x:EA:CA, pressure in Pa, temperature, battery, alarm.
import type { Advert } from '../../reading/advert.ts';
import { defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const COMPANY = '0100';
const LENGTH = 16;

function frameOf(advert: Advert): Uint8Array | undefined {
  const frame = advert.manufacturerData.get(COMPANY);
  return frame !== undefined && frame[0]! >> 4 === 0x8 && frame[1] === 0xea && frame[2] === 0xca ? frame : undefined;
}

export const decoder = defineDecoder({
  name: 'tpms',
  vendor: 'Generic',
  models: ['Tyre pressure cap'],
  source: 'https://github.com/ricallinson/tpms',
  keys: [COMPANY],
  matches: advert => frameOf(advert) !== undefined,
  decode(advert) {
    const frame = frameOf(advert) ?? new Uint8Array();
    if (frame.length !== LENGTH) return { rejected: `TPMS: expected ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    return {
      telemetry: {
        pressure: view.getUint32(6, true) / 100,
        temperature: view.getInt32(10, true) / 100,
        battery: view.getUint8(14),
        problem: (view.getUint8(15) & 1) !== 0,
      },
      deviceModel: 'Tyre pressure cap',
      // The address tells the wheel.
      metadata: { wheel: (frame[0]! & 0x0f) + 1 },
    };
  },
  examples: [
    {
      name: 'flat and cold',
      advert: { manufacturer_data: { [COMPANY]: '80eaca108a78a08601000cfeffff5a01' } },
      gives: { pressure: 1000, temperature: -5, battery: 90, problem: true },
    },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '80eaca108a78a086' } }, rejects: 'expected 16 bytes' },
  ],
});
