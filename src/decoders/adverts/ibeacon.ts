// iBeacon of any maker: identified; some tell the voltage of their cell where the power at 1 m stands else.
import { APPLE, iBeaconOf } from './apple/ibeacon.ts';
import { defineDecoder } from '../define.ts';

// Nobody receives more than was sent: a power at 1 m is below zero. Tenths of a volt of a lithium cell are not.
const EMPTY = 18;
const FULL = 42;

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
    const isVoltage = power >= EMPTY && power <= FULL;
    const telemetry: Record<string, number> = isVoltage ? { voltage: power / 10 } : {};
    return {
      telemetry,
      deviceModel: 'iBeacon',
      metadata: { beacon: { uuid, major, minor, ...(isVoltage ? {} : { power }) } },
    };
  },
  examples: [
    {
      name: 'major 3, minor 4',
      advert: { manufacturer_data: { '004c': '021500112233445566778899aabbccddeeff' + '00030004' + 'c5' } },
      gives: {},
    },
    {
      name: 'voltage in place of the power',
      advert: { manufacturer_data: { '004c': '021500112233445566778899aabbccddeeff' + '00030004' + '1d' } },
      gives: { voltage: 2.9 },
    },
    {
      name: 'neither power nor voltage',
      advert: { manufacturer_data: { '004c': '021500112233445566778899aabbccddeeff' + '00030004' + '7f' } },
      gives: {},
    },
  ],
});
