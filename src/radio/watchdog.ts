// Scans, and notices when a radio has gone silent without a word: then it scans anew (adapters are known to stop so).
import type { Clock } from '../kernel/clock.ts';
import type { HeardAdvert, Radio } from '../reading/radio.ts';
import type { After } from './timing.ts';

export type WatchedScanOptions = {
  radio: Pick<Radio, 'scan'>;
  silenceMs: number;
  onAdvert: (advert: HeardAdvert) => void;
  /** The scan was silent for so long and has been started again. */
  onSilence: (ms: number) => void;
  clock: Clock;
  after: After;
};

/** Returns the stop. */
export function watchedScan({ radio, silenceMs, onAdvert, onSilence, clock, after }: WatchedScanOptions): () => void {
  let heardAt = clock.steady();
  let stopped = false;
  let cancel = (): void => {};
  const scan = (): (() => void) =>
    radio.scan(advert => {
      if (stopped) return;
      heardAt = clock.steady();
      onAdvert(advert);
    });
  let stopScan = scan();
  let triedAt = heardAt;
  function look(): void {
    const now = clock.steady();
    if (now - Math.max(heardAt, triedAt) >= silenceMs) {
      triedAt = now;
      stopScan();
      stopScan = scan();
      onSilence(now - heardAt);
    }
    cancel = after(silenceMs / 4, look);
  }
  cancel = after(silenceMs / 4, look);
  return () => {
    stopped = true;
    cancel();
    stopScan();
  };
}
