// Refuses encrypted frames whose counter falls back: what somebody recorded and sends again. State of one node, in memory.
import { isReplayEntry } from '../reading/stages.ts';

/** Rising counter of an encrypted frame; `bits` says where it wraps. */
export type FrameCounter = { value: number; bits: 16 | 32 };

/** When and how a frame came; times in milliseconds since the epoch. */
export type HeardFrame = {
  /** As the scanner says. */
  at: number;
  receivedAt: number;
  /** Of its message in the ledger. Each replay of the archive goes through the past again, with a memory of its own. */
  entry?: string | undefined;
};

export type ReplayGuard = {
  /** Remembers the frame when it is none. */
  isReplayed(device: string, counter: FrameCounter, heard: HeardFrame): boolean;
};

type Highest = { value: number; at: number; receivedAt: number };

/** Replays of the archive that are remembered at once: one runs, and the one before may still be on its way. */
const MAX_REPLAYS = 4;
const MAX_DEVICES = 10_000;
// After a change of batteries devices count from 0 again.
const RESTARTED = 100;
// 16 bits wrap within hours; a device that was away for longer than this may be anywhere.
const FORGET_SHORT_MS = 10 * 60_000;

/**
 * A frame with a lower counter that was heard or received before the highest one is merely late (an outbox drained, a source
 * retried, a scanner whose clock is ahead) and passes; after it in both, it is a replay. The same counter again passes: other
 * scanners heard it as well.
 */
export function replayGuard(maxDevices = MAX_DEVICES): ReplayGuard {
  const live = new Map<string, Highest>();
  const replays = new Map<string, Map<string, Highest>>();

  function memoryOf(entry: string | undefined): Map<string, Highest> {
    if (!isReplayEntry(entry)) return live;
    const known = replays.get(entry) ?? new Map<string, Highest>();
    return remember(replays, entry, known, MAX_REPLAYS);
  }

  return {
    isReplayed(device, { value, bits }, { at, receivedAt, entry }) {
      const highest = memoryOf(entry);
      const known = highest.get(device);
      const isSame = known?.value === value;
      if (known !== undefined && !isSame && !isAhead(value, known, bits, at))
        return at > known.at && receivedAt >= known.receivedAt;
      remember(highest, device, isSame ? known : { value, at, receivedAt }, maxDevices);
      return false;
    },
  };
}

/** What was used last moves to the end, so that the first is the one to forget. */
function remember<V>(map: Map<string, V>, key: string, value: V, most: number): V {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value ?? '');
  return value;
}

function isAhead(value: number, known: Highest, bits: 16 | 32, at: number): boolean {
  if (bits === 32) return value > known.value || (value < RESTARTED && at > known.at);
  const steps = (value - known.value) & 0xffff;
  return (steps > 0 && steps < 0x8000) || at - known.at > FORGET_SHORT_MS;
}
