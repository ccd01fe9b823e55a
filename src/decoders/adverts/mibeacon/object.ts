// What a MiBeacon object is, and the makers of the common kinds.
import type { Metadata, Value } from '../../../reading/reading.ts';
import { float32, rounded } from '../shared/numbers.ts';

export type Told = { telemetry: Record<string, Value>; metadata: Metadata };
/** `bytes`: allowed lengths of the value. */
export type MiObject = { bytes: readonly number[]; read(view: DataView, model: string): Partial<Told> };

export const values = (telemetry: Record<string, Value>): Partial<Told> => ({ telemetry });

export const number = (metric: string, bytes: 1 | 2 | 3 | 4, over = 1, signed = false): MiObject => ({
  bytes: [bytes],
  read: view => values({ [metric]: integer(view, signed) / over }),
});
export const signed = (metric: string, bytes: 1 | 2, over = 1): MiObject => number(metric, bytes, over, true);
export const flag = (metric: string): MiObject => ({
  bytes: [1],
  read: view => values({ [metric]: view.getUint8(0) !== 0 }),
});
export const float = (metric: string, decimals?: number): MiObject => ({
  bytes: [4],
  read: view => {
    const value = float32(view, 0);
    return values({ [metric]: decimals === undefined ? value : rounded(value, decimals) });
  },
});

export function integer(view: DataView, isSigned: boolean): number {
  let value = 0;
  for (let at = view.byteLength - 1; at >= 0; at--) value = value * 256 + view.getUint8(at);
  const top = view.byteLength > 0 && view.getUint8(view.byteLength - 1) & 0x80;
  return isSigned && top ? value - 256 ** view.byteLength : value;
}

// Up to 30 s without motion count as motion.
export const idle = (seconds: number): Partial<Told> => values({ motion: seconds <= 30 });

/** A contact: 0 or 1 tell open, `closed` closed; closing takes back what had been reported as wrong. */
export const contact = (open: number, closed: number, cleared: readonly string[]): MiObject => ({
  bytes: [1],
  read: view => {
    const state = view.getUint8(0);
    if (state === open) return values({ opening: true });
    if (state === closed)
      return values({ opening: false, ...Object.fromEntries(cleared.map(metric => [metric, false])) });
    return {};
  },
});
