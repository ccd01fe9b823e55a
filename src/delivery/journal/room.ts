// Room in something that is bounded: given in the order of arrival, so that a small piece never overtakes a large one.
import type { Fault } from '../../kernel/fault.ts';

export type Room = {
  /** Pieces that wait. */
  readonly waiting: number;
  /** Goes at once where it fits and nothing waits before it. */
  take(size: number, go: () => void, refuse: (fault: Fault) => void): void;
  /** There may be more room than before. */
  made(): void;
  /** None of those that wait goes any more. */
  refuse(fault: Fault): void;
};

export function openRoom(fits: (size: number) => boolean): Room {
  let waiting: { size: number; go(): void; refuse(fault: Fault): void }[] = [];
  return {
    get waiting() {
      return waiting.length;
    },
    take(size, go, refuse) {
      if (waiting.length === 0 && fits(size)) go();
      else waiting.push({ size, go, refuse });
    },
    made() {
      let admitted = 0;
      for (const one of waiting) {
        if (!fits(one.size)) break;
        one.go();
        admitted++;
      }
      if (admitted > 0) waiting = waiting.slice(admitted);
    },
    refuse(fault) {
      for (const one of waiting) one.refuse(fault);
      waiting = [];
    },
  };
}
