// Almendo bluSensor Mini: company 0x06E8, version and model, then air quality, little-endian.
import { type Decoded, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const COMPANY = '06e8';
const LENGTH = 16;
const VERSION = 1;
const MINI = 0x0a;
const deviceModel = 'Almendo bluSensor Mini';

export const decoder = defineDecoder({
  name: 'almendo',
  vendor: 'Almendo',
  models: ['bluSensor Mini'],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame[0] !== VERSION || frame[2] !== MINI)
      return { telemetry: {}, deviceModel: 'Almendo bluSensor', quality: { payload: 'this model is not known' } };
    if (frame.length !== LENGTH) return { rejected: `bluSensor: expected ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    return {
      telemetry: {
        temperature: view.getInt16(7, true) / 100,
        humidity: view.getUint16(9, true) / 100,
        co2: view.getUint16(11, true),
        voc_ppb: view.getUint16(13, true),
        air_quality: view.getUint8(15),
      },
      deviceModel,
    };
  },
  examples: [
    {
      name: 'stale air',
      origin: 'custom-components/ble_monitor test_almendo.py (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '010a0a08011800fb09e511a6030f0203' } },
      gives: { temperature: 25.55, humidity: 45.81, co2: 934, voc_ppb: 527, air_quality: 3 },
    },
    {
      name: 'below zero',
      advert: { manufacturer_data: { [COMPANY]: '010a0a080118000cfee511a6030f0203' } },
      gives: { temperature: -5, humidity: 45.81, co2: 934, voc_ppb: 527, air_quality: 3 },
    },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '010a0a08011800fb09' } }, rejects: 'expected 16 bytes' },
  ],
});
