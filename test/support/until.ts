// Waits in a test for what nobody announces, and says what it waited for where that does not come.
import { setTimeout as wait } from 'node:timers/promises';

/** Resolves when the condition holds. After `limitMs`, sooner than a test ends by itself, it throws: the condition as it is written, and what `state` shows then. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  state: () => unknown = () => '',
  limitMs = 100_000,
  everyMs = 2,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms for ${condition}: ${shown(await state())}`);
    await wait(everyMs);
  }
}

/** The same for a suite on a whole gateway: `what` is waited for; where it does not come, the end of the log is shown. */
export function untilAt(gateway: () => { log: string }) {
  return (what: string, condition: () => boolean | Promise<boolean>): Promise<void> =>
    until(condition, () => `${what}\n${gateway().log.slice(-2000)}`, 100_000, 50);
}

function shown(state: unknown): string | undefined {
  return typeof state === 'string' ? state : JSON.stringify(state);
}
