// Maps that cannot grow without limit: the least recently used key leaves, and is counted.

export type BoundedMap<K, V> = {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  delete(key: K): boolean;
  has(key: K): boolean;
  readonly size: number;
  /** Keys that left because the map was full. */
  readonly evicted: number;
  entries(): IterableIterator<[K, V]>;
  clear(): void;
};

/** A map of at most `limit` keys. `get` and `set` make a key the most recently used; `onEvict` sees what leaves. */
export function boundedMap<K, V>(limit: number, onEvict?: (key: K, value: V) => void): BoundedMap<K, V> {
  const map = new Map<K, V>();
  let evicted = 0;
  return {
    get(key) {
      const value = map.get(key);
      if (value !== undefined) {
        map.delete(key);
        map.set(key, value);
      }
      return value;
    },
    set(key, value) {
      map.delete(key);
      map.set(key, value);
      if (map.size > limit) {
        const [oldKey, oldValue] = map.entries().next().value as [K, V];
        map.delete(oldKey);
        evicted++;
        onEvict?.(oldKey, oldValue);
      }
    },
    delete: key => map.delete(key),
    has: key => map.has(key),
    get size() {
      return map.size;
    },
    get evicted() {
      return evicted;
    },
    entries: () => map.entries(),
    clear: () => map.clear(),
  };
}
