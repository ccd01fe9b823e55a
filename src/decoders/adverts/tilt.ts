// Tilt hydrometers in fermenting beer: temperature (°F) as major and gravity as minor of an iBeacon.
import type { Advert } from '../../reading/advert.ts';
import { defineDecoder } from '../define.ts';
import { APPLE, type IBeacon, iBeaconOf } from './apple/ibeacon.ts';
import { rounded } from './shared/numbers.ts';

// The UUID names the colour.
const UUID = /^a495bb([1-8])0c5b14b44b5121370f02d74de$/;
const COLOURS = ['red', 'green', 'black', 'purple', 'orange', 'blue', 'yellow', 'pink'];
// The Pro counts in tenths; no wort has a gravity of 5.
const PRO = 5000;

const tiltOf = (advert: Advert): (IBeacon & { colour: string }) | undefined => {
  const beacon = iBeaconOf(advert);
  const number = UUID.exec(beacon?.uuid ?? '')?.[1];
  return beacon === undefined || number === undefined
    ? undefined
    : { ...beacon, colour: COLOURS[Number(number) - 1] ?? 'unknown' };
};

export const decoder = defineDecoder({
  name: 'tilt',
  vendor: 'Baron Brew Equipment',
  models: ['Tilt', 'Tilt Pro'],
  source: 'https://github.com/Bluetooth-Devices/tilt-ble',
  keys: [APPLE],
  matches: advert => tiltOf(advert) !== undefined,
  decode(advert) {
    const tilt = tiltOf(advert);
    if (tilt === undefined) return { rejected: 'Tilt: expected an iBeacon of 23 bytes' };
    const pro = tilt.minor >= PRO;
    const fahrenheit = pro ? tilt.major / 10 : tilt.major;
    return {
      telemetry: {
        temperature: rounded(((fahrenheit - 32) * 5) / 9),
        gravity: tilt.minor / (pro ? 10_000 : 1000),
      },
      deviceModel: pro ? 'Tilt Pro' : 'Tilt',
      metadata: { colour: tilt.colour },
    };
  },
  examples: [
    {
      name: 'black',
      advert: { manufacturer_data: { '004c': '0215a495bb30c5b14b44b5121370f02d74de' + '0044' + '03fc' + '05' } },
      gives: { temperature: 20, gravity: 1.02 },
    },
    {
      name: 'Pro, frosty',
      advert: { manufacturer_data: { '004c': '0215a495bb60c5b14b44b5121370f02d74de' + '0136' + '283c' + '05' } },
      gives: { temperature: -0.555556, gravity: 1.03 },
    },
  ],
});
