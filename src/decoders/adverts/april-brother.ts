// April Brother N03: 15 bytes of service data that begin with AB 03, under a UUID of the owner's choice.
import type { Advert } from '../../reading/advert.ts';
import { defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const LENGTH = 15;

function frameOf(advert: Advert): Uint8Array | undefined {
  for (const bytes of advert.serviceData.values())
    if (bytes.length === LENGTH && bytes[0] === 0xab && bytes[1] === 0x03) return bytes;
  return undefined;
}

export const decoder = defineDecoder({
  name: 'april-brother',
  vendor: 'April Brother',
  models: ['N03'],
  source: 'https://wiki.aprbrother.com/en/N03.html',
  matches: advert => frameOf(advert) !== undefined,
  decode(advert) {
    const view = viewOf(frameOf(advert) ?? new Uint8Array(LENGTH));
    return {
      telemetry: {
        battery: view.getUint8(8),
        temperature: view.getInt16(9, true) / 8,
        humidity: view.getUint16(11, true) / 2,
        illuminance: view.getUint16(13, true),
      },
      deviceModel: 'April Brother N03',
    };
  },
  examples: [
    {
      name: 'below zero',
      advert: { service_data: { fff0: 'ab03a1b2c3d4e5f65ad8ff5a006400' } },
      gives: { battery: 90, temperature: -5, humidity: 45, illuminance: 100 },
    },
  ],
});
