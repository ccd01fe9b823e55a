// What the Ruuvi formats share: big-endian fields whose one reserved value says "not available".
import type { Advert } from '../../../reading/advert.ts';
import type { DecodedAdvert } from '../../define.ts';

export const RUUVI = '0499';
/** The formats document humidity up to the last code before the reserved one. */
export const RANGES = { humidity: [0, 163.835] } as const;

/** The Ruuvi frame of an advert when it begins with this format number. */
export function ruuviFrame(advert: Advert, format: number): Uint8Array | undefined {
  const frame = advert.manufacturerData.get(RUUVI);
  return frame?.[0] === format ? frame : undefined;
}

export type Fields = {
  unsigned(at: number, bytes: 1 | 2 | 3): number;
  signed(at: number): number;
  /** `raw · scale + offset`, or absent with a reason when raw is the reserved value. */
  put(metric: string, raw: number, reserved: number, value: (raw: number) => number): void;
  decoded(deviceModel: string, metadata: DecodedAdvert['metadata']): DecodedAdvert;
};

export function fieldsOf(frame: Uint8Array): Fields {
  const telemetry: Record<string, number> = {};
  const quality: Record<string, string> = {};
  const unsigned = (at: number, bytes: 1 | 2 | 3): number => {
    let value = 0;
    for (let byte = 0; byte < bytes; byte++) value = value * 256 + frame[at + byte]!;
    return value;
  };
  return {
    unsigned,
    signed: at => (unsigned(at, 2) << 16) >> 16,
    put(metric, raw, reserved, value) {
      if (raw === reserved) quality[metric] = 'not available';
      else telemetry[metric] = rounded(value(raw));
    },
    decoded: (deviceModel, metadata) => ({ telemetry, quality, deviceModel, metadata }),
  };
}

/** mG to m/s². */
export const acceleration = (milliG: number): number => (milliG * 9.80665) / 1000;
/** Pa above 500 hPa to hPa. */
export const pressure = (raw: number): number => (raw + 50_000) / 100;

/** Six decimals: more than any field resolves, less than binary noise. Adding 0 turns -0 into 0. */
function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6 + 0;
}
