// Feasycom beacons: 11 bytes of service data 0xFFF0: model, firmware, address, battery.
import type { Advert } from '../../reading/advert.ts';
import { defineDecoder } from '../define.ts';

const UUID = 'fff0';
const LENGTH = 11;
// In place of a percentage: on a cable.
const PLUGGED_IN = 0x65;

const models: ReadonlyMap<number, string> = new Map([
  [0x15, 'BP102'],
  [0x19, 'BP109'],
  [0x1a, 'BP103'],
  [0x1b, 'BP104'],
  [0x1c, 'BP201'],
  [0x1d, 'BP106'],
  [0x1e, 'BP101'],
  [0x24, 'BP120'],
  [0x27, 'BP108'],
  [0x28, 'BP108N'],
  [0x29, 'BP103B'],
]);

function frameOf(advert: Advert): Uint8Array | undefined {
  const frame = advert.serviceData.get(UUID);
  return frame?.length === LENGTH && models.has(frame[0]!) ? frame : undefined;
}

export const decoder = defineDecoder({
  name: 'feasycom',
  vendor: 'Feasycom',
  models: [...models.values()],
  source: 'https://decoder.theengs.io/devices/FEASY.html',
  keys: [UUID],
  matches: advert => frameOf(advert) !== undefined,
  decode(advert) {
    const frame = frameOf(advert) ?? new Uint8Array(LENGTH);
    const battery = frame[10]!;
    return {
      telemetry: { ...(battery === PLUGGED_IN ? {} : { battery: battery & 0x7f }), plug: battery === PLUGGED_IN },
      deviceModel: `Feasycom ${models.get(frame[0]!)}`,
    };
  },
  examples: [
    {
      name: 'on its battery',
      advert: { service_data: { [UUID]: '27021992a1b2c3d4e5f65a' } },
      gives: { battery: 90, plug: false },
    },
    { name: 'on a cable', advert: { service_data: { [UUID]: '1a021992a1b2c3d4e5f665' } }, gives: { plug: true } },
  ],
});
