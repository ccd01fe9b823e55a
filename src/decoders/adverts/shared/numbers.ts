// Reading numbers out of frames: a view of the bytes, values without binary noise.

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** 0 beyond the end: for bytes whose number has been looked at already. */
export const byteAt = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0;

/** Six decimals unless told: more than any field resolves, less than binary noise. Adding 0 turns -0 into 0. */
export function rounded(value: number, decimals = 6): number {
  const scale = 10 ** decimals;
  return Math.round(value * scale) / scale + 0;
}

/** What a float32 carries: seven digits. */
export function float32(view: DataView, at: number, littleEndian = true): number {
  return Number(view.getFloat32(at, littleEndian).toPrecision(7)) + 0;
}

export function uint24(view: DataView, at: number): number {
  return view.getUint16(at) * 256 + view.getUint8(at + 2);
}
