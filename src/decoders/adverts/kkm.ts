// KKM sensor beacons, also sold as BlueCharm: an Eddystone frame of type 0x21 whose mask says which values follow.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const UUID = 'feaa';
const SENSOR_FRAME = 0x21;
const VERSION = 0x01;
const GRAVITY = 9.806_65;

/** 8.8 fixed point, shown with two decimals, which are cut. */
const fixed = (view: DataView, at: number): number =>
  rounded(view.getInt8(at) + Math.floor((view.getUint8(at + 1) * 100) / 256) / 100, 2);
const acceleration = (view: DataView, at: number): number => rounded((view.getInt16(at) * GRAVITY) / 1000);

type Part = { bit: number; bytes: number; read(view: DataView, at: number): Record<string, number> };
const AXES: Part = {
  bit: 0x08,
  bytes: 6,
  read: (view, at) => ({
    acceleration_x: acceleration(view, at),
    acceleration_y: acceleration(view, at + 2),
    acceleration_z: acceleration(view, at + 4),
  }),
};
/** Bits of the mask in the order of the values. */
const parts: readonly Part[] = [
  { bit: 0x01, bytes: 2, read: (view, at) => ({ voltage: view.getUint16(at) / 1000 }) },
  { bit: 0x02, bytes: 2, read: (view, at) => ({ temperature: fixed(view, at) }) },
  { bit: 0x04, bytes: 2, read: (view, at) => ({ humidity: fixed(view, at) }) },
  AXES,
];
const KNOWN = 0x0f;

function frameOf(advert: Advert): Uint8Array | undefined {
  const frame = advert.serviceData.get(UUID);
  return frame?.[0] === SENSOR_FRAME && frame[1] === VERSION ? frame : undefined;
}

function modelOf(mask: number): string {
  return mask === 0x07 ? 'KKM K6P' : mask === 0x0f ? 'KKM K9' : mask === 0x0b ? 'BlueCharm BC08' : 'KKM sensor beacon';
}

export const decoder = defineDecoder({
  name: 'kkm',
  vendor: 'KKM',
  models: ['K6', 'K6P', 'K9', 'BlueCharm BC04P', 'BlueCharm BC08', 'BlueCharm BC021'],
  source: 'https://github.com/custom-components/ble_monitor',
  keys: [UUID],
  matches: advert => frameOf(advert) !== undefined,
  decode(advert): Decoded {
    const frame = frameOf(advert) ?? new Uint8Array();
    const view = viewOf(frame);
    const mask = frame[2];
    if (mask === undefined) return { rejected: 'KKM: the frame ends before the mask' };
    const telemetry: Record<string, number> = {};
    let at = 3;
    for (const { bit, bytes, read } of parts) {
      if ((mask & bit) === 0) continue;
      if (frame.length < at + bytes)
        return { rejected: `KKM: ${frame.length} bytes are too few for what the mask names` };
      Object.assign(telemetry, read(view, at));
      at += bytes;
    }
    // The K6 sends its axes without naming them.
    if ((mask & AXES.bit) === 0 && frame.length === at + AXES.bytes) Object.assign(telemetry, AXES.read(view, at));
    const unread = mask & ~KNOWN;
    return {
      telemetry,
      deviceModel: modelOf(mask),
      quality: unread === 0 ? {} : { payload: `mask 0x${mask.toString(16)} names values that are not known` },
    };
  },
  examples: [
    {
      name: 'temperature and humidity',
      advert: { service_data: { [UUID]: '2101070d4817402d80' } },
      gives: { voltage: 3.4, temperature: 23.25, humidity: 45.5 },
    },
    {
      name: 'below zero, acceleration',
      advert: { service_data: { [UUID]: '21010b0c0dfbc0ffff000003e8' } },
      gives: {
        voltage: 3.085,
        temperature: -4.25,
        acceleration_x: -0.009807,
        acceleration_y: 0,
        acceleration_z: 9.80665,
      },
    },
    {
      name: 'K6, acceleration that the mask does not name',
      origin: 'custom-components/ble_monitor test_kkm.py (MIT)',
      advert: { service_data: { [UUID]: '2101070e5bffc01f95fffcffec03eb' } },
      gives: {
        voltage: 3.675,
        temperature: -0.25,
        humidity: 31.58,
        acceleration_x: -0.039227,
        acceleration_y: -0.196133,
        acceleration_z: 9.83607,
      },
    },
    { name: 'cut', advert: { service_data: { [UUID]: '2101070d4817402d' } }, rejects: 'too few' },
  ],
});
