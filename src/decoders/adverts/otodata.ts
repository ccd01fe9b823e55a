// Otodata tank monitors for propane: company 0x03B1, text OTOTEL, level in hundredths of a percent.
import { type Decoded, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const COMPANY = '03b1';
const VALUES = 19;
const TEXT = Buffer.from('OTOTEL');
// The other frame carries the serial number.
const SERIAL = 22;

export const decoder = defineDecoder({
  name: 'otodata',
  vendor: 'Otodata',
  models: ['Rotarex-compatible monitor'],
  source: 'https://decoder.theengs.io/devices/RC1010.html',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    const deviceModel = 'Otodata tank monitor';
    if (frame.length === SERIAL) return { telemetry: {}, deviceModel, quality: { payload: 'only the serial number' } };
    if (frame.length !== VALUES) return { rejected: `Otodata: expected ${VALUES} bytes, got ${frame.length}` };
    if (!TEXT.equals(frame.subarray(0, TEXT.length))) return { rejected: 'Otodata: expected the text OTOTEL' };
    const view = viewOf(frame);
    return {
      telemetry: { level: view.getUint16(9, true) / 100 },
      deviceModel,
      metadata: { status: view.getUint16(11, true) },
    };
  },
  examples: [
    {
      name: 'half full',
      advert: { manufacturer_data: { [COMPANY]: '4f544f54454c450200' + '8813' + '0000112233000000' } },
      gives: { level: 50 },
    },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '4f544f54454c4502' } }, rejects: 'expected 19 bytes' },
    {
      name: 'the serial number, cut to the length of values',
      advert: { manufacturer_data: { [COMPANY]: '4f544f3332383148845603132111010400022a' } },
      rejects: 'the text OTOTEL',
    },
  ],
});
