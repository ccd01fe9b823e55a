// Hörmann garage doors: company 0x07B4, how far the door is open in halves of a percent. Before it they send a short frame.
import { type Decoded, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const COMPANY = '07b4';
const LENGTH = 17;
const SHORT = 6;
// The high half of the state.
const STATE = 1;
const WIDE_OPEN = 200;
const deviceModel = 'Hörmann Supramatic E4 BS';

export const decoder = defineDecoder({
  name: 'hormann',
  vendor: 'Hörmann',
  models: ['Supramatic E4 BS'],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert): Decoded {
    const heard = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    // Scanners put two frames of one company together.
    const frame = heard.length === SHORT + LENGTH ? heard.subarray(SHORT) : heard;
    if (frame.length === SHORT)
      return { telemetry: {}, deviceModel, quality: { payload: 'only the kind of the drive' } };
    if (frame.length !== LENGTH) return { rejected: `Hörmann: expected ${LENGTH} bytes, got ${frame.length}` };
    if (frame[0]! >> 4 !== STATE) return { rejected: 'Hörmann: the frame begins with no state of a door' };
    const halves = viewOf(frame).getUint8(1);
    if (halves > WIDE_OPEN) return { rejected: 'Hörmann: expected at most 100 % open' };
    return { telemetry: { opening: halves > 0, position: halves / 2 }, deviceModel };
  },
  examples: [
    {
      name: 'closed',
      origin: 'custom-components/ble_monitor test_hormann.py (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '140000000000000000efbbafa9d1a73b04' } },
      gives: { opening: false, position: 0 },
    },
    {
      name: 'a third open',
      origin: 'custom-components/ble_monitor test_hormann.py (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '173e000000000000006722d81075f42a04' } },
      gives: { opening: true, position: 31 },
    },
    {
      name: 'both frames',
      origin: 'custom-components/ble_monitor test_hormann.py (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '01022d200000' + '13c8000000000000006722d81075f42a04' } },
      gives: { opening: true, position: 100 },
    },
    { name: 'the other frame', advert: { manufacturer_data: { [COMPANY]: '01022d200000' } }, gives: {} },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '173e0000' } }, rejects: 'expected 17 bytes, got 4' },
  ],
});
