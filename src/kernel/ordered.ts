// Ordered release: settled in any order, released in order of receipt (PUBACK [MQTT-4.6.0-2], journal).

export type Ordered = {
  /** Number of the item that arrives now. */
  take(): number;
  /** Item n is settled; everything up to the longest settled prefix is released. Settling twice is ignored. */
  settle(n: number): void;
  /** Items taken and not yet released. */
  readonly open: number;
};

/** `release(n)` is called once for each number, in order. */
export function ordered(release: (n: number) => void): Ordered {
  const settled = new Set<number>();
  let next = 0;
  let head = 0;
  return {
    take: () => next++,
    settle(n) {
      if (n < head || n >= next) return;
      settled.add(n);
      while (settled.delete(head)) release(head++);
    },
    get open() {
      return next - head;
    },
  };
}
