// The readers of a journal: by which number the file knows each, and whom to call when it has new entries.

export type Readers = {
  readonly names: readonly string[];
  find(name: string): number | undefined;
  /** The same, and a number for a reader that is new. */
  numberOf(name: string): number;
  /** Its number is never given to another one. */
  forget(name: string): void;
  /** Returns the stop. */
  listen(name: string, listener: () => void): () => void;
  wake(numbers: Iterable<number>): void;
};

/** `known`: as they stand in the file. `onNew`: a reader got its number. */
export function openReaders(
  known: readonly (readonly [number: number, name: string])[],
  onNew: (number: number, name: string) => void,
): Readers {
  const numbers = new Map(known.map(([number, name]) => [name, number]));
  const listeners = new Map<number, Set<() => void>>();
  let last = Math.max(0, ...numbers.values());

  function numberOf(name: string): number {
    const found = numbers.get(name);
    if (found !== undefined) return found;
    numbers.set(name, ++last);
    onNew(last, name);
    return last;
  }

  return {
    get names() {
      return [...numbers.keys()];
    },
    find: name => numbers.get(name),
    numberOf,
    forget(name) {
      const number = numbers.get(name);
      if (number === undefined) return;
      numbers.delete(name);
      listeners.delete(number);
    },
    listen(name, listener) {
      const number = numberOf(name);
      const found = listeners.get(number) ?? new Set();
      listeners.set(number, found.add(listener));
      return () => found.delete(listener);
    },
    wake(those) {
      for (const number of those) for (const listener of listeners.get(number) ?? []) listener();
    },
  };
}
