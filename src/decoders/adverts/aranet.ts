// Aranet4, Aranet2 and radon and radiation sensors with smart home integration switched on: company 0x0702.
import { type Decoded, defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const COMPANY = '0702';
const LENGTH_4 = 22;
// Bits that say that the sensor is being calibrated or has not measured yet.
const NOT_MEASURED = { co2: 0x8000, temperature: 0xc000, pressure: 0x8000 } as const;

function aranet4(view: DataView): Decoded {
  const telemetry: Record<string, number> = {};
  const quality: Record<string, string> = {};
  const put = (metric: keyof typeof NOT_MEASURED, raw: number, over: number): void => {
    if (raw & NOT_MEASURED[metric]) quality[metric] = 'not available';
    else telemetry[metric] = raw / over;
  };
  put('co2', view.getUint16(8, true), 1);
  put('temperature', view.getUint16(10, true), 20);
  put('pressure', view.getUint16(12, true), 10);
  telemetry['humidity'] = view.getUint8(14);
  telemetry['battery'] = view.getUint8(15) & 0x7f;
  const interval = view.getUint16(17, true);
  return { telemetry, quality, deviceModel: 'Aranet4', metadata: { interval, age: view.getUint16(19, true) } };
}

export const decoder = defineDecoder({
  name: 'aranet',
  vendor: 'SAF Tehnika',
  models: ['Aranet4'],
  source: 'https://github.com/Anrijs/Aranet4-Python',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert) {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    // Bit 5: the integration is switched on; without it only the firmware is told.
    if (frame.length < 9 || ((frame[0] ?? 0) & 0x20) === 0)
      return { telemetry: {}, deviceModel: 'Aranet', quality: { payload: 'smart home integration is switched off' } };
    if (frame.length !== LENGTH_4) return { rejected: `Aranet4: expected ${LENGTH_4} bytes, got ${frame.length}` };
    return aranet4(viewOf(frame));
  },
  examples: [
    {
      name: 'stuffy',
      advert: {
        manufacturer_data: { [COMPANY]: '2113040100' + '0e0f01' + 'dc05' + '9e01' + '2e27' + '2d5f' + '032c011e00b9' },
      },
      gives: { co2: 1500, temperature: 20.7, pressure: 1003, humidity: 45, battery: 95 },
    },
    {
      name: 'not measured yet',
      advert: {
        manufacturer_data: { [COMPANY]: '2113040100' + '0e0f01' + '0080' + '9e01' + '2e27' + '2d5f' + '032c011e00b9' },
      },
      gives: { temperature: 20.7, pressure: 1003, humidity: 45, battery: 95 },
    },
    {
      name: 'no temperature',
      advert: {
        manufacturer_data: { [COMPANY]: '2113040100' + '0e0f01' + 'dc05' + '0040' + '2e27' + '2d5f' + '032c011e00b9' },
      },
      gives: { co2: 1500, pressure: 1003, humidity: 45, battery: 95 },
    },
    { name: 'switched off', advert: { manufacturer_data: { [COMPANY]: '0113040100' } }, gives: {} },
    {
      name: 'cut',
      advert: { manufacturer_data: { [COMPANY]: '21130401000e0f01dc059e012e272d5f032c011e00' } },
      rejects: 'expected 22 bytes, got 21',
    },
  ],
});
