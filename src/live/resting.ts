// Hubs that outlive a deploy: a live server that starts again within a minute goes on with its log, so that clients resume where they were.
import type { Cursor } from './feed.ts';
import type { Hub } from './hub.ts';

/** A hub, and how far it had read the rows of other writers. */
export type Rested = { hub: Hub; cursor: Cursor | undefined };

const REST_MS = 60_000;
const resting = new Map<string, Rested & { forget: NodeJS.Timeout }>();

/** The hub that rests under this name, if any. */
export function wakeHub(name: string): Rested | undefined {
  const found = resting.get(name);
  if (found === undefined) return undefined;
  clearTimeout(found.forget);
  resting.delete(name);
  return found;
}

export function restHub(name: string, { hub, cursor }: Rested): void {
  const forget = setTimeout(() => {
    resting.delete(name);
    hub.close();
  }, REST_MS);
  forget.unref();
  resting.set(name, { hub, cursor, forget });
}
