// Mokosmart beacons: BeaconX Pro frames in service data 0xFEAB, the older beacon in 0xFF01.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const BEACON_X = 'feab';
const BEACON = 'ff01';
const DEVICE = 0x40;
const AXES = 0x60;
const CLIMATE = 0x70;
const GRAVITY = 9.806_65;

const axis = (view: DataView, at: number): number => rounded((view.getInt16(at) * GRAVITY) / 10_000);
const axes = (view: DataView, at: number): Record<string, number> => ({
  acceleration_x: axis(view, at),
  acceleration_y: axis(view, at + 2),
  acceleration_z: axis(view, at + 4),
});
const volts = (view: DataView, at: number): number => view.getUint16(at) / 1000;

/** By the first byte: least length, values. */
const frames: ReadonlyMap<number, readonly [number, (view: DataView) => Record<string, number>]> = new Map<
  number,
  readonly [number, (view: DataView) => Record<string, number>]
>([
  [DEVICE, [5, view => ({ voltage: volts(view, 3) })]],
  [AXES, [14, view => ({ ...axes(view, 6), voltage: volts(view, 12) })]],
  [
    CLIMATE,
    [
      9,
      view => ({
        temperature: view.getInt16(3) / 10,
        humidity: view.getUint16(5) / 10,
        voltage: volts(view, 7),
      }),
    ],
  ],
]);
const BEACON_LENGTH = 13;

function decode(advert: Advert): Decoded {
  const frame = advert.serviceData.get(BEACON_X);
  if (frame === undefined) {
    const plain = advert.serviceData.get(BEACON) ?? new Uint8Array();
    if (plain.length < BEACON_LENGTH) return { rejected: `Moko: expected ${BEACON_LENGTH} bytes, got ${plain.length}` };
    const view = viewOf(plain);
    return { telemetry: { battery: view.getUint8(0), ...axes(view, 7) }, deviceModel: 'Moko beacon' };
  }
  const known = frames.get(frame[0] ?? -1);
  if (known === undefined)
    return { telemetry: {}, deviceModel: 'Moko BeaconX Pro', quality: { payload: 'a frame without values' } };
  const [length, read] = known;
  if (frame.length < length) return { rejected: `Moko: expected at least ${length} bytes, got ${frame.length}` };
  return { telemetry: read(viewOf(frame)), deviceModel: 'Moko BeaconX Pro' };
}

export const decoder = defineDecoder({
  name: 'moko',
  vendor: 'Mokosmart',
  models: ['BeaconX Pro', 'Beacon'],
  source: 'https://decoder.theengs.io/devices/MBXPRO.html',
  keys: [BEACON_X, BEACON],
  matches: advert => advert.serviceData.has(BEACON_X) || advert.serviceData.has(BEACON),
  decode,
  examples: [
    {
      name: 'acceleration',
      advert: { service_data: { [BEACON_X]: '60000a0200ff0064ff9c27100c1c0000' } },
      gives: { acceleration_x: 0.098067, acceleration_y: -0.098066, acceleration_z: 9.80665, voltage: 3.1 },
    },
    {
      name: 'climate, below zero',
      advert: { service_data: { [BEACON_X]: '700000ffce01c20bb8' } },
      gives: { temperature: -5, humidity: 45, voltage: 3 },
    },
    { name: 'cut', advert: { service_data: { [BEACON_X]: '700000ffce01c2' } }, rejects: 'at least 9 bytes, got 7' },
  ],
});
