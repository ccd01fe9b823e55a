// Listening: when sources could not hear their devices, so that nobody takes this silence for that of the devices.
import { boundedMap } from '../kernel/bounded.ts';

type Span = readonly [from: number, to: number];

/** Since when (ms) a source hears nothing, undefined while it listens; whether the peer was away, so that devices have to come back to it, too. */
type Ear = { deafSince: number | undefined; isPeerBack: boolean; readonly spans: Span[] };

/** A peer that is gone without a word is noticed after so long, by what it does not answer. */
const NOTICED_MS = 45_000;
/** What is shorter makes no pause of a device that anybody would call long. */
const SHORTEST_MS = 1000;
/** Devices that lost their broker, or us, try again after so long at most, as a rule. */
export const RETURN_MS = 30_000;
const MOST_SPANS = 64;
const MOST_SOURCES = 1000;

/** Sources at work in this process, by the id under which the ledger counts them. */
const ears = boundedMap<string, Ear>(MOST_SOURCES);

export type Listening = {
  /** Nothing is heard from now on, by our own decision (a deploy), or because the peer is away. */
  deaf(why: 'ours' | 'peer'): void;
  hears(): void;
  /** A message came. */
  heard(): void;
};

/** Of a source that starts, the first time in this process without hearing yet; later ones go on from where the one before ended. */
export function listening(source: string, now: () => number = Date.now): Listening {
  // The first of this process: devices may have to come back after a restart.
  const ear: Ear = ears.get(source) ?? { deafSince: now(), isPeerBack: true, spans: [] };
  ears.set(source, ear);
  let last = Number.NEGATIVE_INFINITY;
  return {
    deaf(why) {
      ear.deafSince ??= why === 'peer' ? Math.max(last, now() - NOTICED_MS) : now();
      ear.isPeerBack ||= why === 'peer';
    },
    heard() {
      last = now();
    },
    hears() {
      last = now();
      if (ear.deafSince === undefined) return;
      const span: Span = [ear.deafSince, now() + (ear.isPeerBack ? RETURN_MS : 0)];
      ear.deafSince = undefined;
      ear.isPeerBack = false;
      if (span[1] - span[0] < SHORTEST_MS) return;
      ear.spans.push(span);
      if (ear.spans.length > MOST_SPANS) ear.spans.shift();
    },
  };
}

/** Milliseconds between two times in which the source of this entry of the ledger did not listen, or in `more`. */
export function unheard(entry: string | undefined, from: number, to: number, more: readonly Span[] = []): number {
  const ear = entry === undefined ? undefined : ears.get(entry.slice(0, entry.lastIndexOf('/')));
  const spans = [...more, ...(ear?.spans ?? [])].sort(([one], [other]) => one - other);
  let [at, sum] = [from, 0];
  for (const [begin, end] of spans) {
    const [first, last] = [Math.max(begin, at), Math.min(end, to)];
    if (last <= first) continue;
    sum += last - first;
    at = last;
  }
  return sum;
}
