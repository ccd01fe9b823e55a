// Young generation: V8 gets more room for what is young once collecting it takes too much of the time, and not before.
import { constants, type NodeGCPerformanceDetail, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';

/** V8 doubles the room whenever enough has survived, up to `--max-semi-space-size`; a factor of 1 keeps it as it is. */
const growBy = (factor: 1 | 2): void => setFlagsFromString(`--semi-space-growth-factor=${factor}`);

/** From now on the room stays as it is, for the sake of memory (docs/adr/0007). */
export const keepRoom = (): void => growBy(1);

/** So many looks without load, and it may no longer grow: load that comes back sooner does not wait for a look. */
const REST_LOOKS = 12;

/**
 * Lets it grow while its collections take more than `most` of the time, for the sake of CPU; 1,000 messages a second take a
 * third of that. V8 takes it back when little is made. Until the process ends, or the returned function is called.
 */
export function growUnderLoad(lookMs = 5000, most = 0.03): () => void {
  let spent = 0;
  let quiet = REST_LOOKS;
  let since = performance.now();
  const observer = new PerformanceObserver(list => {
    for (const { duration, detail } of list.getEntries() as (PerformanceEntry & { detail: NodeGCPerformanceDetail })[])
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MINOR) spent += duration;
  });
  observer.observe({ entryTypes: ['gc'] });
  const timer = setInterval(() => {
    const now = performance.now();
    quiet = spent > most * (now - since) ? 0 : quiet + 1;
    growBy(quiet < REST_LOOKS ? 2 : 1);
    spent = 0;
    since = now;
  }, lookMs).unref();
  return () => {
    clearInterval(timer);
    observer.disconnect();
  };
}
