// Runs something once, at the earliest of the times for which it was asked; then it can be asked for again.

export type Soonest = {
  /** Within this time; at the end of this turn of the event loop where it is 0. */
  within(ms: number): void;
};

export function soonest(run: () => void): Soonest {
  let timer: NodeJS.Timeout | undefined;
  let dueAt = Infinity;

  function go(): void {
    dueAt = Infinity;
    clearTimeout(timer);
    run();
  }

  return {
    within(ms) {
      const at = ms === 0 ? 0 : performance.now() + ms;
      if (dueAt <= at) return;
      clearTimeout(timer);
      dueAt = at;
      if (ms === 0) setImmediate(go);
      else timer = setTimeout(go, ms);
    },
  };
}
