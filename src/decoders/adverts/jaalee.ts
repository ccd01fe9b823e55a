// Jaalee thermometers: temperature, humidity and battery in place of major, minor and power of an iBeacon, and one byte more.
import { defineDecoder } from '../define.ts';
import { APPLE, iBeaconOf } from './apple/ibeacon.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const SERVICES = ['f525', 'f51c'];
const LENGTH = 24;
// Every one of them has this UUID.
const UUID = 'ebefd08370a247c89837e7b5634df525';

export const decoder = defineDecoder({
  name: 'jaalee',
  vendor: 'Jaalee',
  models: ['JHT F525', 'JHT F51C'],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [APPLE],
  matches(advert) {
    const beacon = iBeaconOf(advert);
    if (beacon?.frame.length !== LENGTH) return false;
    return (
      beacon.uuid === UUID || SERVICES.some(uuid => advert.serviceUuids.includes(uuid) || advert.serviceData.has(uuid))
    );
  },
  decode(advert) {
    const frame = iBeaconOf(advert)?.frame;
    if (frame?.length !== LENGTH) return { rejected: `Jaalee: expected ${LENGTH} bytes` };
    const view = viewOf(frame);
    return {
      telemetry: {
        temperature: rounded((view.getUint16(18) * 175) / 65_535 - 45, 8),
        humidity: rounded((view.getUint16(20) * 100) / 65_535, 8),
        battery: view.getUint8(23),
      },
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
  ],
});
