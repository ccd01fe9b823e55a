// Jaalee thermometers: temperature and humidity in place of major and minor of an iBeacon with one byte more, or in service data.
import type { Advert } from '../../reading/advert.ts';
import { defineDecoder } from '../define.ts';
import { APPLE, iBeaconOf } from './apple/ibeacon.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const SERVICES = ['f525', 'f51c'];
const LENGTH = 24;
// Every one of them has this UUID.
const UUID = 'ebefd08370a247c89837e7b5634df525';

/** Both frames end alike: the ticks of a Sensirion sensor. */
function climate(view: DataView, at: number): { temperature: number; humidity: number } {
  return {
    temperature: rounded((view.getUint16(at) * 175) / 65_535 - 45, 8),
    humidity: rounded((view.getUint16(at + 2) * 100) / 65_535, 8),
  };
}

function beaconOf(advert: Advert): Uint8Array | undefined {
  const beacon = iBeaconOf(advert);
  if (beacon?.frame.length !== LENGTH) return undefined;
  const isOurs =
    beacon.uuid === UUID || SERVICES.some(uuid => advert.serviceUuids.includes(uuid) || advert.serviceData.has(uuid));
  return isOurs ? beacon.frame : undefined;
}

/** Battery, address (6), values; some put a byte before the values. */
function serviceOf(advert: Advert): Uint8Array | undefined {
  const frame = SERVICES.map(uuid => advert.serviceData.get(uuid)).find(bytes => bytes !== undefined);
  return frame?.length === 11 || frame?.length === 12 ? frame : undefined;
}

export const decoder = defineDecoder({
  name: 'jaalee',
  vendor: 'Jaalee',
  models: ['JHT F525', 'JHT F51C'],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [APPLE, ...SERVICES],
  matches: advert => beaconOf(advert) !== undefined || serviceOf(advert) !== undefined,
  decode(advert) {
    const beacon = beaconOf(advert);
    const frame = beacon ?? serviceOf(advert);
    if (frame === undefined) return { rejected: `Jaalee: expected ${LENGTH} bytes` };
    const view = viewOf(frame);
    return {
      telemetry:
        beacon === undefined
          ? { ...climate(view, frame.length - 4), battery: frame[0]! }
          : { ...climate(view, 18), battery: view.getUint8(23) },
      deviceModel: 'Jaalee JHT',
    };
  },
  examples: [
    {
      name: 'cellar, below zero',
      advert: {
        service_uuids: ['f525'],
        manufacturer_data: { '004c': '0215ebefd08370a247c89837e7b5634df5253a838000cc5a' },
      },
      gives: { temperature: -5.00114443, humidity: 50.00076295, battery: 90 },
    },
    {
      name: 'in service data, below zero',
      advert: { service_data: { f525: '5a' + 'b2c3d4e5f6a1' + '3a83' + '8000' } },
      gives: { temperature: -5.00114443, humidity: 50.00076295, battery: 90 },
    },
  ],
});
