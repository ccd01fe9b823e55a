// Refuses encrypted frames whose counter falls back: what somebody recorded and sends again. State of one node, in memory.

/** Rising counter of an encrypted frame; `bits` says where it wraps. */
export type FrameCounter = { value: number; bits: 16 | 32 };

export type ReplayGuard = {
  /** `heardAt` in milliseconds since the epoch. Remembers the frame when it is none. */
  isReplayed(device: string, counter: FrameCounter, heardAt: number): boolean;
};

type Highest = { value: number; heardAt: number };

const MAX_DEVICES = 10_000;
// After a change of batteries devices count from 0 again.
const RESTARTED = 100;
// 16 bits wrap within hours; a device that was away for longer than this may be anywhere.
const FORGET_SHORT_MS = 10 * 60_000;

/**
 * A frame with a lower counter that was heard before the highest one is merely late (an outbox drained, a source
 * retried) and passes; heard after it, it is a replay. The same counter again passes: other scanners heard it as well.
 */
export function replayGuard(maxDevices = MAX_DEVICES): ReplayGuard {
  const highest = new Map<string, Highest>();
  return {
    isReplayed(device, { value, bits }, heardAt) {
      const known = highest.get(device);
      const isSame = known?.value === value;
      if (known !== undefined && !isSame && !isAhead(value, known, bits, heardAt)) return heardAt > known.heardAt;
      // The device seen last moves to the end, so that the first is the one to forget.
      highest.delete(device);
      highest.set(device, isSame ? known : { value, heardAt });
      if (highest.size > maxDevices) highest.delete(highest.keys().next().value ?? '');
      return false;
    },
  };
}

function isAhead(value: number, known: Highest, bits: 16 | 32, heardAt: number): boolean {
  if (bits === 32) return value > known.value || (value < RESTARTED && heardAt > known.heardAt);
  const steps = (value - known.value) & 0xffff;
  return (steps > 0 && steps < 0x8000) || heardAt - known.heardAt > FORGET_SHORT_MS;
}
