// Opening MiBeacon payloads: AES-CCM with a tag from version 4 on, before that without one.
import { createDecipheriv } from 'node:crypto';
import { openSealed } from '../../aes-ccm.ts';
import type { FrameCounter } from '../../replay-guard.ts';
import type { MiBeacon } from './frame.ts';

const ASSOCIATED = Uint8Array.of(0x11);
// Keys of versions 2 and 3 have 12 bytes; these four stand in their middle.
const LEGACY_MIDDLE = Uint8Array.of(0x8d, 0x3d, 0x3c, 0x97);
// Extended frame counter and tag.
const TAIL = 7;
// Extended frame counter and one byte more.
const LEGACY_TAIL = 4;

/** The plain objects, or why they stay closed. `mac` is the device's address as written. */
export function openMiBeacon(
  beacon: MiBeacon & { payload: Uint8Array },
  mac: Uint8Array | undefined,
  key: Uint8Array | undefined,
): Uint8Array | { closed: string } | { rejected: string } {
  const legacy = beacon.version < 4;
  // At least the head of one object is in it.
  const least = (legacy ? LEGACY_TAIL : TAIL) + 3;
  if (beacon.payload.length < least)
    return { rejected: `MiBeacon: ${beacon.payload.length} bytes are too few for an encrypted payload` };
  if (key === undefined) return { closed: 'encrypted, key missing' };
  if (mac === undefined) return { closed: 'encrypted, device address missing' };
  return legacy ? openLegacy(beacon, mac, key) : openTagged(beacon, mac, key);
}

/** From version 5 on the frame counts in 4 bytes: packet id, then 3 bytes before the tag; before it they are random. */
export function counterOf({ packetId, frame, version }: MiBeacon): { counter?: FrameCounter } {
  if (version < 5) return {};
  const [low, middle, high] = frame.subarray(-TAIL);
  const value = packetId + low! * 0x100 + middle! * 0x1_0000 + high! * 0x100_0000;
  return { counter: { value, bits: 32 } };
}

type Sealed = MiBeacon & { payload: Uint8Array };

function openTagged({ frame, payload }: Sealed, mac: Uint8Array, key: Uint8Array): Uint8Array | { closed: string } {
  if (key.length !== 16) return { closed: `encrypted, key has ${key.length} bytes instead of 16` };
  const nonce = Buffer.concat([mac.slice().reverse(), frame.subarray(2, 5), frame.subarray(-TAIL, -4)]);
  const plain = openSealed({
    key,
    nonce,
    ciphertext: payload.subarray(0, -TAIL),
    tag: payload.subarray(-4),
    associated: ASSOCIATED,
  });
  return plain ?? { closed: 'encrypted, wrong key or damaged frame' };
}

/** Without a tag only the objects themselves can show whether the key fitted; the caller looks at them. */
function openLegacy({ frame, payload }: Sealed, mac: Uint8Array, key: Uint8Array): Uint8Array | { closed: string } {
  if (key.length !== 12 && key.length !== 16) return { closed: `encrypted, key has ${key.length} bytes instead of 12` };
  // Some tools hand out the key with the four bytes already in it.
  const fullKey = key.length === 16 ? key : Buffer.concat([key.subarray(0, 6), LEGACY_MIDDLE, key.subarray(6)]);
  // CCM's key stream with a nonce of 13 bytes: flags, nonce, block counter from 1 (RFC 3610 §2.3).
  const start = Buffer.concat([
    Uint8Array.of(1),
    frame.subarray(0, 5),
    frame.subarray(-LEGACY_TAIL, -1),
    mac.slice(1).reverse(),
    Uint8Array.of(0, 1),
  ]);
  return createDecipheriv('aes-128-ctr', fullKey, start).update(payload.subarray(0, -LEGACY_TAIL));
}
