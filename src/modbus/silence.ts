// Tells when a connection that looks open is dead: nothing that went out is answered any more.

/** A stream that lost its framing, or whose other side is gone, never answers again: after this many timeouts in a row it is dropped. */
const SILENT_LIMIT = 2;
/** Where only units that were silent before do not answer, the link may be well, but nobody can tell: it is dropped after this. */
const QUIET_MS = 30_000;

export type SilenceWatch = { heard(): void; missed(blame: 'link' | 'unit'): void };

export function silenceWatch(end: (reason: string) => void, quietMs = QUIET_MS): SilenceWatch {
  let silent = 0;
  let heardAt = performance.now();
  return {
    heard() {
      silent = 0;
      heardAt = performance.now();
    },
    missed(blame) {
      if (blame === 'link' && ++silent >= SILENT_LIMIT) end(`no answer to ${silent} requests in a row`);
      else if (performance.now() - heardAt > quietMs) end(`no answer for ${quietMs / 1000} s`);
    },
  };
}
