// Airthings monitors: company 0x0334 with the serial number, whose first digits name the model; values need a connection.
import { type Decoded, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const COMPANY = '0334';
/** By the first four of the ten digits. */
const models: ReadonlyMap<string, string> = new Map([
  ['2900', 'Wave'],
  ['2920', 'Wave Mini'],
  ['2930', 'Wave Plus'],
  ['2950', 'Wave Radon'],
  ['3210', 'Wave Enhance'],
  ['3220', 'Corentium Home 2'],
]);

export const decoder = defineDecoder({
  name: 'airthings',
  vendor: 'Airthings',
  models: [...models.values()],
  source: 'https://github.com/Airthings/waveplus-reader',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame.length < 4) return { rejected: `Airthings: expected at least 4 bytes, got ${frame.length}` };
    const serialNumber = String(viewOf(frame).getUint32(0, true));
    return {
      telemetry: {},
      deviceModel: `Airthings ${models.get(serialNumber.slice(0, 4)) ?? 'monitor'}`,
      quality: { payload: 'only the serial number; values are read over a connection' },
      metadata: { serialNumber },
    };
  },
  examples: [
    { name: 'Wave Plus', advert: { manufacturer_data: { [COMPANY]: 'c022a6ae0900' } }, gives: {} },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: 'c022a6' } }, rejects: 'at least 4 bytes, got 3' },
  ],
});
