// Scans, and notices when a radio has gone silent without a word: then it scans anew (adapters are known to stop so).
import type { Clock } from '../kernel/clock.ts';
import type { HeardAdvert, Radio } from '../reading/radio.ts';
import { oneScan } from './one-scan.ts';
import type { After } from './timing.ts';

export type WatchedScanOptions = {
  radio: Pick<Radio, 'scan'>;
  silenceMs: number;
  onAdvert: (advert: HeardAdvert) => void;
  /** The scan was silent for so long and has been started again. */
  onSilence: (ms: number) => void;
  /** As of the scan. */
  isBusy?: () => boolean;
  clock: Clock;
  after: After;
};

/** Returns the stop, as of the scan. */
export function watchedScan(options: WatchedScanOptions): () => Promise<void> {
  const { radio, silenceMs, onAdvert, onSilence, isBusy, clock, after } = options;
  let heardAt = clock.steady();
  let triedAt = heardAt;
  const scan = oneScan(() =>
    radio.scan(advert => {
      heardAt = clock.steady();
      onAdvert(advert);
    }, isBusy),
  );
  function look(): void {
    const now = clock.steady();
    if (now - Math.max(heardAt, triedAt) >= silenceMs) {
      triedAt = now;
      void scan.anew();
      onSilence(now - heardAt);
    }
    cancel = after(silenceMs / 4, look);
  }
  let cancel = after(silenceMs / 4, look);
  return () => {
    cancel();
    return scan.close();
  };
}
