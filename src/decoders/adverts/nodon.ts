// NodOn NIU smart button: 16 bytes of service data, the colour of the button tells it from others.
import type { Advert } from '../../reading/advert.ts';
import { defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const UUID = '0000';
const LENGTH = 16;
const colours: ReadonlyMap<number, string> = new Map([
  [2, 'White'],
  [3, 'TechBlue'],
  [4, 'CozyGrey'],
  [5, 'Wazabi'],
  [6, 'Lagoon'],
  [7, 'Softberry'],
]);
const presses: ReadonlyMap<number, string> = new Map([
  [1, 'press'],
  [2, 'double_press'],
  [3, 'long_press'],
  [4, 'long_press_release'],
  [5, 'triple_press'],
  [6, 'quadruple_press'],
  [7, 'quintuple_press'],
]);

function frameOf(advert: Advert): Uint8Array | undefined {
  const frame = advert.serviceData.get(UUID);
  return frame?.length === LENGTH && colours.has(viewOf(frame).getUint16(10)) ? frame : undefined;
}

export const decoder = defineDecoder({
  name: 'nodon',
  vendor: 'NodOn',
  models: ['NIU smart button'],
  source: 'https://decoder.theengs.io/devices/NODONNIU.html',
  keys: [UUID],
  matches: advert => frameOf(advert) !== undefined,
  decode(advert) {
    const frame = frameOf(advert) ?? new Uint8Array(LENGTH);
    const press = presses.get(frame[15]!);
    return {
      telemetry: { battery: frame[12]! & 0x7f, ...(press === undefined ? {} : { button: press }) },
      deviceModel: 'NodOn NIU',
      metadata: { colour: colours.get(viewOf(frame).getUint16(10)) ?? 'unknown' },
    };
  },
  examples: [
    {
      name: 'pressed twice',
      advert: { service_data: { [UUID]: '0259a1b2c3d4e5f6215200035a5eb902' } },
      gives: { battery: 90, button: 'double_press' },
    },
  ],
});
