// Grundfos ALPHA reader MI401: company 0xF214, what the pump beside it does.
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const COMPANY = 'f214';
const LENGTH = 19;
const modes: readonly string[] = [
  'constant speed 3',
  'constant speed 2',
  'constant speed 1',
  'autoadapt',
  'proportional pressure 1',
  'proportional pressure 2',
  'proportional pressure 3',
  'constant differential pressure 1',
  'constant differential pressure 2',
  'constant differential pressure 1',
];

export const decoder = defineDecoder({
  name: 'grundfos',
  vendor: 'Grundfos',
  models: ['ALPHA reader MI401'],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert): Decoded {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame.length !== LENGTH) return { rejected: `Grundfos: expected ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    const mode = modes[view.getUint8(11)];
    return {
      telemetry: {
        // Litres an hour, and bars.
        flow: rounded(view.getUint16(6, true) / 6.5534, 1),
        water_pressure: rounded(view.getInt16(8, true) / 32_767, 3),
        temperature: view.getUint8(12),
        ...(mode === undefined ? {} : { pump_mode: mode }),
      },
      quality: mode === undefined ? { pump_mode: 'this mode is not known' } : {},
      deviceModel: 'Grundfos MI401',
      metadata: { packet: view.getUint8(2), batteryStatus: view.getUint8(3), pumpId: view.getUint16(4, true) },
    };
  },
  examples: [
    {
      name: 'warm water',
      origin: 'custom-components/ble_monitor test_grundfos.py (MIT)',
      advert: { manufacturer_data: { [COMPANY]: '30017a03059884103e0f19070d0114ffffffff' } },
      gives: { flow: 645.2, water_pressure: 0.119, temperature: 13, pump_mode: 'constant differential pressure 1' },
    },
    {
      name: 'a mode of later firmware',
      advert: { manufacturer_data: { [COMPANY]: '30017a03059884103e0f19330d0114ffffffff' } },
      gives: { flow: 645.2, water_pressure: 0.119, temperature: 13 },
    },
    { name: 'cut', advert: { manufacturer_data: { [COMPANY]: '30017a030598' } }, rejects: 'expected 19 bytes, got 6' },
  ],
});
