// Sensors that put their values into the last bytes of an iBeacon with a UUID of their own.
import type { Advert } from '../../reading/advert.ts';
import { defineDecoder } from '../define.ts';
import { APPLE, type IBeacon, iBeaconOf } from './apple/ibeacon.ts';

type Values = Record<string, number>;
type Kind = { model: string; uuid: string; values(beacon: IBeacon): Values };

const high = (word: number): number => word >> 8;
const low = (word: number): number => word & 0xff;

const kinds: readonly Kind[] = [
  {
    model: 'April Brother ABTemp',
    uuid: 'b5b182c7eab14988aa99b5c1517008d9',
    // The minor: battery, then whole degrees.
    values: ({ minor }) => ({ battery: high(minor), temperature: (low(minor) << 24) >> 24 }),
  },
  {
    model: 'BM2 battery monitor',
    uuid: '655f83caae16a10a702e31f30d58dd82',
    // The charge stands where the power at 1 m is else.
    values: ({ frame }) => ({ battery: frame[22]! }),
  },
  {
    model: 'BM6 battery monitor',
    uuid: '3ba29cd9a42c894856badaf2606ef777',
    values: ({ major }) => ({ battery: low(major) }),
  },
  { model: 'Theengs iBeacon tracker', uuid: '546865656e67732d69426561636f6e31', values: () => ({}) },
  { model: 'Theengs iBeacon tracker', uuid: '546865656e67732d69426561636f6e32', values: () => ({}) },
];

function found(advert: Advert): { kind: Kind; beacon: IBeacon } | undefined {
  const beacon = iBeaconOf(advert);
  const kind = beacon && kinds.find(({ uuid }) => uuid === beacon.uuid);
  return beacon && kind && { kind, beacon };
}

export const decoder = defineDecoder({
  name: 'beacon-sensors',
  vendor: 'Several',
  models: [...new Set(kinds.map(({ model }) => model))],
  source: 'https://decoder.theengs.io/devices/devices.html',
  keys: [APPLE],
  matches: advert => found(advert) !== undefined,
  decode(advert) {
    const it = found(advert);
    if (it === undefined) return { rejected: 'beacon sensor: expected an iBeacon of 23 bytes' };
    const telemetry = it.kind.values(it.beacon);
    if ((telemetry['battery'] ?? 0) <= 100) return { telemetry, deviceModel: it.kind.model };
    delete telemetry['battery'];
    return { telemetry, deviceModel: it.kind.model, quality: { battery: 'above 100 %' } };
  },
  examples: [
    {
      name: 'ABTemp, below zero',
      advert: { manufacturer_data: { '004c': '0215b5b182c7eab14988aa99b5c1517008d9' + '0001' + '50fb' + 'c5' } },
      gives: { battery: 80, temperature: -5 },
    },
    {
      name: 'BM2',
      advert: { manufacturer_data: { '004c': '0215655f83caae16a10a702e31f30d58dd82' + 'f4a1b2c3' + '40' } },
      gives: { battery: 64 },
    },
    {
      name: 'BM6',
      advert: { manufacturer_data: { '004c': '02153ba29cd9a42c894856badaf2606ef777' + '1141' + '0000cd' } },
      gives: { battery: 65 },
    },
  ],
});
