// b-parasite plant sensor with its own format (firmware before BTHome): service data 0x181A, big-endian.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const UUID = '181a';
const LENGTH = 16;
const WITH_LIGHT = 18;
const LIGHT = 0x01;

/** The high half of the first byte is the version; thermometers with other firmware use shorter frames. */
function frameOf(advert: Advert): Uint8Array | undefined {
  const frame = advert.serviceData.get(UUID);
  if (frame === undefined || (frame.length !== LENGTH && frame.length !== WITH_LIGHT)) return undefined;
  const version = frame[0]! >> 4;
  return version === 1 || version === 2 ? frame : undefined;
}

const percent = (raw: number): number => rounded((raw * 100) / 65_535, 8);

export const decoder = defineDecoder({
  name: 'b-parasite',
  vendor: 'rbaron',
  models: ['b-parasite 1.0 to 2.0'],
  source: 'https://github.com/rbaron/b-parasite',
  keys: [UUID],
  matches: advert => frameOf(advert) !== undefined,
  decode(advert): Decoded {
    const frame = frameOf(advert) ?? new Uint8Array(LENGTH);
    const view = viewOf(frame);
    const hasLight = (frame[0]! & LIGHT) !== 0;
    if (hasLight && frame.length !== WITH_LIGHT)
      return { rejected: `b-parasite: expected ${WITH_LIGHT} bytes, got ${frame.length}` };
    const voltage = view.getUint16(2) / 1000;
    if (voltage < 1 || voltage > 5) return { rejected: 'b-parasite: impossible voltage, the frame is damaged' };
    return {
      telemetry: {
        voltage,
        // The first version counted thousandths of a degree.
        temperature: view.getInt16(4) / (frame[0]! >> 4 === 1 ? 1000 : 100),
        humidity: percent(view.getUint16(6)),
        moisture: percent(view.getUint16(8)),
        ...(hasLight ? { illuminance: view.getUint16(16) } : {}),
      },
      deviceModel: 'b-parasite',
      metadata: { packetId: frame[1]! & 0x0f },
    };
  },
  examples: [
    {
      name: 'version 2, below zero',
      advert: { service_data: { [UUID]: '21050bb8fe0c80008000a1b2c3d4e5f60064' } },
      gives: { voltage: 3, temperature: -5, humidity: 50.00076295, moisture: 50.00076295, illuminance: 100 },
    },
    {
      name: 'version 1, without light',
      advert: { service_data: { [UUID]: '10050bb85208ffff0000a1b2c3d4e5f6' } },
      gives: { voltage: 3, temperature: 21, humidity: 100, moisture: 0 },
    },
    {
      name: 'a longer frame of another thermometer',
      advert: { service_data: { [UUID]: '2fdedf38c1a47c090d11350c644b05a5a5a5' } },
      rejects: 'impossible voltage',
    },
  ],
});
