// Waits until somebody tells of a change, or for a time at most.

export type Changes = {
  tell(): void;
  wait(ms: number): Promise<void>;
};

export function changes(): Changes {
  const waiting = new Set<() => void>();
  return {
    tell() {
      for (const wake of [...waiting]) wake();
    },
    wait(ms) {
      return new Promise(resolve => {
        const wake = () => {
          clearTimeout(timer);
          waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, ms);
        waiting.add(wake);
      });
    },
  };
}
