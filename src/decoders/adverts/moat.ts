// Moat S2: service data 0x1000, or that as company, with the ticks of a Sensirion sensor and the voltage.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const UUID = '1000';
const OTHER = '5000';
const LENGTH = 18;
const NAME = /^moat_s2/i;

/** From this many millivolts on: percent, and how much each further one adds. As the maker's app has it. */
const charge: readonly (readonly [from: number, percent: number, each: number])[] = [
  [3000, 100, 0],
  [2900, 42, 0.58],
  [2740, 18, 0.15],
  [2440, 6, 0.04],
  [2100, 0, 6 / 340],
];

function batteryOf(millivolts: number): number {
  const [from, percent, each] = charge.find(([from]) => millivolts >= from) ?? [millivolts, 0, 0];
  return rounded(percent + (millivolts - from) * each, 1);
}

const frameOf = ({ serviceData, manufacturerData }: Advert): Uint8Array | undefined =>
  serviceData.get(UUID) ?? manufacturerData.get(UUID);

function isOurs(advert: Advert): boolean {
  const { name = '', serviceData, manufacturerData } = advert;
  return NAME.test(name) || serviceData.has(OTHER) || manufacturerData.get(UUID)?.length === LENGTH;
}

export const decoder = defineDecoder({
  name: 'moat',
  vendor: 'Moat',
  models: ['S2'],
  source: 'https://github.com/Bluetooth-Devices/moat-ble',
  keys: [UUID],
  matches: advert => frameOf(advert) !== undefined && isOurs(advert),
  decode(advert): Decoded {
    const frame = frameOf(advert) ?? new Uint8Array();
    if (frame.length !== LENGTH) return { rejected: `Moat S2: expected ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    return {
      telemetry: {
        temperature: rounded((175.72 * view.getUint16(10, true)) / 65_536 - 46.85, 3),
        humidity: rounded((125 * view.getUint16(12, true)) / 65_536 - 6, 3),
        voltage: view.getUint16(14, true) / 1000,
        battery: batteryOf(view.getUint16(14, true)),
      },
      deviceModel: 'Moat S2',
    };
  },
  examples: [
    {
      name: 'mild',
      origin: 'Bluetooth-Devices/moat-ble tests/test_parser.py (MIT)',
      advert: {
        name: 'Moat_S2',
        service_data: { [OTHER]: 'df79e3a612b3f50b', [UUID]: 'df79e3a612b31153db62fc627071f50bffff' },
      },
      gives: { temperature: 21.093, humidity: 49.389, voltage: 3.061, battery: 100 },
    },
    {
      name: 'below zero, without a name, the battery weak',
      advert: {
        service_data: { [OTHER]: 'df79e3a612b3', [UUID]: 'df79e3a612b31153db62' + '0038' + '7071' + 'b80a' + 'ffff' },
      },
      gives: { temperature: -8.411, humidity: 49.389, voltage: 2.744, battery: 18.6 },
    },
    {
      name: 'as company',
      origin: 'custom-components/ble_monitor test_moat_parser.py (MIT)',
      advert: { manufacturer_data: { [UUID]: 'aabbccddeeff11111111d46103cbbe0a0000' } },
      gives: { temperature: 20.3, humidity: 93.127, voltage: 2.75, battery: 19.5 },
    },
    {
      name: 'cut',
      advert: { name: 'Moat_S2', service_data: { [UUID]: 'df79e3a612b31153db62fc62' } },
      rejects: 'expected 18 bytes, got 12',
    },
  ],
});
