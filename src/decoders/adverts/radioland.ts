// Radioland RDL52832: climate and acceleration in service data beside an iBeacon.
import type { Advert } from '../../reading/advert.ts';
import { defineDecoder } from '../define.ts';
import { iBeaconOf } from './apple/ibeacon.ts';
import { rounded, viewOf } from './shared/numbers.ts';

// Scanners write the UUID in either byte order.
const UUIDS = ['1803', '0318'] as const;
const LENGTH = 16;
const GRAVITY = 9.806_65;

function frameOf(advert: Advert): Uint8Array | undefined {
  if (iBeaconOf(advert) === undefined) return undefined;
  return UUIDS.map(uuid => advert.serviceData.get(uuid)).find(bytes => bytes !== undefined);
}

/** Sign, whole g, tenths, hundredths: a byte each. */
function acceleration(frame: Uint8Array, at: number): number {
  const size = frame[at + 1]! + frame[at + 2]! / 10 + frame[at + 3]! / 100;
  return rounded(size * GRAVITY * (frame[at] === 0 ? 1 : -1));
}

export const decoder = defineDecoder({
  name: 'radioland',
  vendor: 'Radioland',
  models: ['RDL52832'],
  source: 'https://decoder.theengs.io/devices/RDL52832.html',
  keys: UUIDS,
  matches: advert => frameOf(advert) !== undefined,
  decode(advert) {
    const frame = frameOf(advert) ?? new Uint8Array();
    if (frame.length !== LENGTH) return { rejected: `Radioland: expected ${LENGTH} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    return {
      telemetry: {
        temperature: view.getInt16(0) / 256,
        humidity: view.getInt16(2) / 256,
        acceleration_x: acceleration(frame, 4),
        acceleration_y: acceleration(frame, 8),
        acceleration_z: acceleration(frame, 12),
      },
      deviceModel: 'Radioland RDL52832',
    };
  },
  examples: [
    {
      name: 'lying, below zero',
      advert: {
        manufacturer_data: { '004c': '021500112233445566778899aabbccddeeff00030004c5' },
        service_data: { '1803': 'fb802d0001000003000000000000' + '0800' },
      },
      gives: {
        temperature: -4.5,
        humidity: 45,
        acceleration_x: -0.294199,
        acceleration_y: 0,
        acceleration_z: 7.84532,
      },
    },
  ],
});
