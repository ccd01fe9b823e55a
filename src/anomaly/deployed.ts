// Deployed: the scorers at work in this process, so that a series can be shown as the one judges it that hears it.
import type { Unheard } from './rhythm.ts';
import type { ScoreOptions } from './score.ts';

export type Deployed = {
  readonly options: ScoreOptions;
  /** Time (ms) of the last value of a device, or of what a laser meter measured, that it has heard; undefined: none. */
  lastTime(device: string, metric: string): number | undefined;
  /** When it did not hear, whatever the source. */
  readonly unheard: Unheard;
};

const scorers = new Set<Deployed>();

/** Until the function is called that it answers. */
export function deploy(scorer: Deployed): () => void {
  scorers.add(scorer);
  return () => scorers.delete(scorer);
}

/** The one that heard the series last; undefined where none knows it. */
export function deployedFor(device: string, metric: string): Deployed | undefined {
  let [latest, found]: [number, Deployed | undefined] = [Number.NEGATIVE_INFINITY, undefined];
  for (const scorer of scorers) {
    const time = scorer.lastTime(device, metric) ?? Number.NEGATIVE_INFINITY;
    if (time > latest) [latest, found] = [time, scorer];
  }
  return found;
}
