// Waits for what a test double has seen: looked at again each time that it says something has changed.
export type Watching = {
  /** To be called after each change. */
  changed(): void;
  /** Resolves as soon as the condition holds. */
  until(holds: () => boolean): Promise<void>;
};

export function watching(): Watching {
  const looks = new Set<() => void>();
  return {
    changed() {
      for (const look of [...looks]) look();
    },
    until: holds =>
      new Promise(resolve => {
        const look = (): void => {
          if (!holds()) return;
          looks.delete(look);
          resolve();
        };
        looks.add(look);
        look();
      }),
  };
}
