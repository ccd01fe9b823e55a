// Adverts that have come from the Bluetooth process: unpacked batch by batch, as fast as the flows take them. Unpacked ahead
// of the flows they would grow old in memory, which costs ten times their size until the next full collection.

export type AdvertInbox = {
  offer(packed: Uint8Array): void;
  /** Unpacks all there is. */
  drain(): void;
};

export type AdvertInboxOptions = {
  unpack: (packed: Uint8Array) => void;
  /** The flows have enough for now. */
  isBusy: () => boolean;
  /** A batch has been unpacked; there is room for another. */
  onTaken: () => void;
};

const LOOK_MS = 4;
/** One slow flow does not keep the adverts from all others. */
const PATIENCE_MS = 200;

export function advertInbox({ unpack, isBusy, onTaken }: AdvertInboxOptions): AdvertInbox {
  const arrived: Uint8Array[] = [];
  let waited = 0;
  let looking = false;

  function takeOne(): void {
    waited = 0;
    unpack(arrived.shift()!);
    onTaken();
  }

  function look(): void {
    looking = arrived.length > 0;
    if (!looking) return;
    if (isBusy() && waited < PATIENCE_MS) {
      waited += LOOK_MS;
      setTimeout(look, LOOK_MS);
      return;
    }
    takeOne();
    setImmediate(look);
  }

  return {
    offer(packed) {
      arrived.push(packed);
      if (!looking) setImmediate(look);
      looking = true;
    },
    drain() {
      while (arrived.length > 0) takeOne();
    },
  };
}
