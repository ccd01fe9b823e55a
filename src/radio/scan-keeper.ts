// Keeps a scan going: off while a connection is made, off and on again after silence, given up when that does not help.
import type { Clock } from '../kernel/clock.ts';

export type ScanKeeper = {
  want(scanning: boolean): void;
  heard(): void;
  /** The controller refused to scan. */
  refused(reason: string): void;
  /** Off until the function that it returns is called. */
  hold(): () => void;
  /** To be called about once a second. */
  look(): void;
};

export type ScanKeeperOptions = {
  start: () => void;
  stop: () => void;
  /** Links are up: a meter that is connected sends no adverts, so silence tells nothing. */
  linked: () => boolean;
  onDeaf: (reason: string) => void;
  quietMs: number;
  deafMs: number;
  clock: Clock;
};

/** Silence counts in multiples of the usual pause between adverts, so that a place with one slow sensor is not restless. */
const QUIET_PAUSES = 3;
const DEAF_PAUSES = 6;
const WEIGHT = 0.1;
/** Fewer pauses tell nothing of the place. */
const KNOWN = 3;
const REFUSALS = 3;

export function scanKeeper({ start, stop, linked, onDeaf, quietMs, deafMs, clock }: ScanKeeperOptions): ScanKeeper {
  let wanted = false;
  let holds = 0;
  let refusals = 0;
  /** When the last advert came; undefined until the first of this controller. */
  let heardAt: number | undefined;
  /** When the scan was last switched on. */
  let startedAt = 0;
  /** Since when silence means something: nothing is heard while a connection is made. */
  let listeningSince = 0;
  /** The usual pause between adverts, and from how many it is known. */
  let pause = 0;
  let pauses = 0;

  function begin(): void {
    startedAt = clock.steady();
    start();
  }

  function listen(): void {
    listeningSince = clock.steady();
    begin();
  }

  return {
    want(scanning) {
      const before = wanted;
      wanted = scanning;
      if (holds > 0) return;
      if (scanning) listen();
      else if (before) stop();
    },
    heard() {
      const now = clock.steady();
      if (heardAt !== undefined && heardAt >= listeningSince) {
        pauses++;
        pause += (now - heardAt - pause) * Math.max(WEIGHT, 1 / pauses);
      }
      heardAt = now;
      refusals = 0;
    },
    refused(reason) {
      if (++refusals >= REFUSALS) onDeaf(`the controller refuses to scan: ${reason}`);
    },
    hold() {
      if (holds++ === 0 && wanted) stop();
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        if (--holds === 0 && wanted) listen();
      };
    },
    look() {
      if (!wanted || holds > 0) return;
      const now = clock.steady();
      if (refusals > 0) return begin();
      if (linked()) listeningSince = now;
      const silence = now - Math.max(heardAt ?? 0, listeningSince);
      if (pauses >= KNOWN && silence >= Math.max(deafMs, DEAF_PAUSES * pause))
        return onDeaf(`no adverts for ${Math.round(silence / 1000)} s, though the scan was started again`);
      if (now - Math.max(heardAt ?? 0, startedAt) >= Math.max(quietMs, QUIET_PAUSES * pause)) begin();
    },
  };
}
