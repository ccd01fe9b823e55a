// iBeacon of any maker: identified, without values.
import { APPLE, iBeaconOf } from './apple/ibeacon.ts';
import { defineDecoder } from '../define.ts';

export const decoder = defineDecoder({
  name: 'ibeacon',
  vendor: 'Apple',
  models: ['iBeacon'],
  source: 'https://developer.apple.com/ibeacon/',
  generic: true,
  keys: [APPLE],
  matches: advert => iBeaconOf(advert) !== undefined,
  decode(advert) {
    const beacon = iBeaconOf(advert);
    if (beacon === undefined) return { rejected: 'iBeacon: expected 23 bytes' };
    const { uuid, major, minor, power } = beacon;
    return { telemetry: {}, deviceModel: 'iBeacon', metadata: { beacon: { uuid, major, minor, power } } };
  },
  examples: [
    {
      name: 'major 3, minor 4',
      advert: { manufacturer_data: { '004c': '021500112233445566778899aabbccddeeff' + '00030004' + 'c5' } },
      gives: {},
    },
  ],
});
