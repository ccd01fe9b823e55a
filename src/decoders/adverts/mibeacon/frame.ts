// The head of a MiBeacon frame and what follows it, still sealed or plain.

export type MiBeacon = {
  version: number;
  product: number;
  /** Low byte of the frame counter. */
  packetId: number;
  /** As written, when the frame carries it. */
  mac: Uint8Array | undefined;
  encrypted: boolean;
  /** Undefined where the frame only announces the device. */
  payload: Uint8Array | undefined;
  frame: Uint8Array;
};

// Frame control, little-endian.
const ENCRYPTED = 1 << 3;
const WITH_MAC = 1 << 4;
const WITH_CAPABILITY = 1 << 5;
const WITH_OBJECT = 1 << 6;
const MESH = 1 << 7;
// Capability byte: a byte of input and output capability follows.
const WITH_IO = 1 << 5;
const HEAD = 5;

export function miBeaconOf(frame: Uint8Array): MiBeacon | { rejected: string } {
  if (frame.length < HEAD) return { rejected: `MiBeacon: expected at least ${HEAD} bytes, got ${frame.length}` };
  const control = frame[0]! | (frame[1]! << 8);
  const version = control >> 12;
  if (control & MESH) return { rejected: 'MiBeacon: a mesh frame' };
  if (version < 2 || version > 5) return { rejected: `MiBeacon: version ${version}, expected 2 to 5` };
  let at = HEAD;
  let mac: Uint8Array | undefined;
  if (control & WITH_MAC) {
    mac = frame.slice(at, at + 6).reverse();
    at += 6;
  }
  if (control & WITH_CAPABILITY) at += frame[at]! & WITH_IO ? 2 : 1;
  if (frame.length < at) return { rejected: `MiBeacon: ${frame.length} bytes end inside the head` };
  return {
    version,
    product: frame[2]! | (frame[3]! << 8),
    packetId: frame[4]!,
    mac,
    encrypted: (control & ENCRYPTED) !== 0,
    payload: control & WITH_OBJECT ? frame.subarray(at) : undefined,
    frame,
  };
}
