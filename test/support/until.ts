// Waits in a test for what nobody announces, and says what it waited for where that does not come.
import { setTimeout as wait } from 'node:timers/promises';

const EVERY_MS = 2;

/** Resolves when the condition holds. After `limitMs`, sooner than a test ends by itself, it throws: the condition as it is written, and what `state` shows then. */
export async function until(
  condition: () => boolean,
  state: () => unknown = () => '',
  limitMs = 50_000,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms for ${condition}: ${JSON.stringify(state())}`);
    await wait(EVERY_MS);
  }
}
