// Ordered release: settled in any order, released in order of receipt (PUBACK [MQTT-4.6.0-2], journal).

export type Ordered = {
  /** Number of the item that arrives now. */
  take(): number;
  /** Item n is settled; everything up to the longest settled prefix is released: true where n is. Settling twice is ignored. */
  settle(n: number): boolean;
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
      // In order, as the many are, the set stays empty: a set is given a new table with each that leaves it.
      if (n > head && n < next) settled.add(n);
      else if (n === head && n < next)
        do release(head++);
        while (settled.delete(head));
      return n < head;
    },
    get open() {
      return next - head;
    },
  };
}
