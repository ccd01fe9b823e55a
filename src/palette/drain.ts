// Sources of the running flow: paused before a deploy or a stop, so that what is on its way can arrive.
export type Pausable = { pause(): void; resume(): void };

const sources = new Set<Pausable>();
let paused = false;
let stopping = false;

/** A source started; it is paused at once when the gateway is stopping. Returns the removal. */
export function addSource(source: Pausable): () => void {
  sources.add(source);
  if (paused) source.pause();
  return () => sources.delete(source);
}

export function pauseSources(): void {
  paused = true;
  for (const source of sources) source.pause();
}

/** Before a stop: there will be no flow to go on with. */
export function stopSources(): void {
  stopping = true;
  pauseSources();
}

/** For the close of a node: does another one take its place? */
export const areStopping = (): boolean => stopping;

export function resumeSources(): void {
  paused = false;
  for (const source of sources) source.resume();
}
