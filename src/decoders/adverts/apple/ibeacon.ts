// The iBeacon frame, into whose UUID, major and minor many makers put values of their own.
import { toHex } from '../../../kernel/bytes.ts';
import type { Advert } from '../../../reading/advert.ts';
import { viewOf } from '../shared/numbers.ts';

export const APPLE = '004c';
const LENGTH = 23;

export type IBeacon = { uuid: string; major: number; minor: number; power: number; frame: Uint8Array };

/** 0x02, 0x15, UUID (16), major, minor, signed power at 1 m. One byte more is allowed where makers append it. */
export function iBeaconOf(advert: Advert): IBeacon | undefined {
  const frame = advert.manufacturerData.get(APPLE);
  if (frame === undefined || frame[0] !== 0x02 || frame[1] !== 0x15) return undefined;
  if (frame.length !== LENGTH && frame.length !== LENGTH + 1) return undefined;
  const view = viewOf(frame);
  return {
    uuid: toHex(frame.subarray(2, 18)),
    major: view.getUint16(18),
    minor: view.getUint16(20),
    power: view.getInt8(22),
    frame,
  };
}
