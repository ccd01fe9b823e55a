// Maps that cannot grow without limit: the least recently used key leaves, and is counted.

export type BoundedMap<K, V> = {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  delete(key: K): boolean;
  /** The least recently used key leaves. */
  evict(): void;
  has(key: K): boolean;
  readonly size: number;
  /** Keys that left because the map was full. */
  readonly evicted: number;
  entries(): IterableIterator<[K, V]>;
  clear(): void;
};

type Slot<V> = { value: V; usedAt: number };

/**
 * A map of at most `limit` keys; `onEvict` sees what leaves. `set` makes a key the most recently used, `get` too, but not
 * again within limit/4 uses of the map: moving a key costs as much as all the rest, and the order among the newest is no matter.
 */
export function boundedMap<K, V>(limit: number, onEvict?: (key: K, value: V) => void): BoundedMap<K, V> {
  const map = new Map<K, Slot<V>>();
  const fresh = Math.floor(limit / 4);
  let uses = 0;
  let evicted = 0;
  // Goes on from the last key that left: a new iterator would step over the places of all that have left before. Not kept
  // for long: an iterator holds on to every table that the map has grown out of since it was made, with all that stood there.
  let oldest: MapIterator<K> | undefined;
  let madeAt = 0;

  function evict(): void {
    if (map.size === 0) return;
    let next = oldest?.next();
    if (next === undefined || next.done) {
      oldest = map.keys();
      madeAt = uses;
      next = oldest.next();
    }
    const key = next.value as K;
    const slot = map.get(key) as Slot<V>;
    map.delete(key);
    evicted++;
    onEvict?.(key, slot.value);
  }

  const letGo = (): void => {
    if (uses - madeAt > fresh) oldest = undefined;
  };
  return {
    get(key) {
      const slot = map.get(key);
      if (slot === undefined) return undefined;
      uses++;
      if (uses - slot.usedAt > fresh) {
        map.delete(key);
        map.set(key, slot);
        slot.usedAt = uses;
        letGo();
      }
      return slot.value;
    },
    set(key, value) {
      map.delete(key);
      map.set(key, { value, usedAt: ++uses });
      if (map.size > limit) evict();
      letGo();
    },
    delete: key => map.delete(key),
    evict,
    has: key => map.has(key),
    get size() {
      return map.size;
    },
    get evicted() {
      return evicted;
    },
    *entries() {
      for (const [key, { value }] of map) yield [key, value];
    },
    clear: () => map.clear(),
  };
}
