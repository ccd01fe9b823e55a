// Apple phones, watches and computers: Continuity messages, which say what a device is but give no values.
import { defineDecoder } from '../define.ts';
import { APPLE, iBeaconOf } from './apple/ibeacon.ts';

const IBEACON = 0x02;
const NEARBY_INFO = 0x10;
// Last message type of Continuity.
const LAST = 0x1f;

/** Nearby info of a watch has a length of its own and ends its flags in 8. */
function modelOf(frame: Uint8Array): string {
  if (frame[0] !== NEARBY_INFO) return 'Apple device';
  return frame[1] === 0x05 && frame.length === 7 && (frame[3]! & 0x7f) === 0x18 ? 'Apple Watch' : 'iPhone or iPad';
}

export const decoder = defineDecoder({
  name: 'apple-continuity',
  vendor: 'Apple',
  models: ['iPhone', 'iPad', 'Apple Watch', 'Apple device'],
  source: 'https://github.com/furiousMAC/continuity',
  generic: true,
  keys: [APPLE],
  matches(advert) {
    const type = advert.manufacturerData.get(APPLE)?.[0];
    return type !== undefined && type <= LAST && (type !== IBEACON || iBeaconOf(advert) === undefined);
  },
  decode: advert => ({
    telemetry: {},
    deviceModel: modelOf(advert.manufacturerData.get(APPLE) ?? new Uint8Array()),
  }),
  examples: [
    { name: 'phone', advert: { manufacturer_data: { [APPLE]: '10055b1c0f3a44' } }, gives: {} },
    { name: 'watch', advert: { manufacturer_data: { [APPLE]: '10050198aabbcc' } }, gives: {} },
  ],
});
