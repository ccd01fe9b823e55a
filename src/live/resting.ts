// Hubs that outlive a deploy: a live server that starts again within a minute goes on with its log, so that clients resume where they were.
import type { Hub } from './hub.ts';

const REST_MS = 60_000;
const resting = new Map<string, { hub: Hub; forget: NodeJS.Timeout }>();

/** The hub that rests under this name, else a new one. */
export function wakeHub(name: string, make: () => Hub): Hub {
  const found = resting.get(name);
  if (found === undefined) return make();
  clearTimeout(found.forget);
  resting.delete(name);
  return found.hub;
}

export function restHub(name: string, hub: Hub): void {
  const forget = setTimeout(() => {
    resting.delete(name);
    hub.close();
  }, REST_MS);
  forget.unref();
  resting.set(name, { hub, forget });
}
