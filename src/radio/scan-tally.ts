// What a scan has to say of itself: counts, and in words what is not as it should be.
import { boundedMap } from '../kernel/bounded.ts';
import { quantity } from '../reading/quantity.ts';
import { announceScan } from './scanners.ts';

export type Say = { fill: 'green' | 'yellow' | 'red'; text: string };

export type ScanTally = {
  heard(address: string): void;
  dropped(count: number): void;
  silent(ms: number): void;
  radio(on: boolean, reason: string): void;
  /** `trouble`: why messages are tried again, '' when all is well; `waiting`: how many wait. */
  say(trouble: string, waiting: number): Say;
  /** The heartbeat of its scanner no longer tells of it. */
  close(): void;
};

const DEVICES = 10_000;

/** `scanner`: whose heartbeat tells of it. */
export function scanTally(adapter: string, scanner = ''): ScanTally {
  const devices = boundedMap<string, true>(DEVICES);
  let adverts = 0;
  let drops = 0;
  let silentMs = 0;
  let radioOn = true;
  let radioText = '';
  const since = Date.now();
  const close = announceScan(scanner, () => ({
    ...{ since, sent: adverts - drops, devices: devices.size },
    adapter: radioOn ? 'on' : (radioText.split(':')[0] ?? 'off'),
  }));
  return {
    close,
    heard(address) {
      adverts++;
      silentMs = 0;
      if (!devices.has(address)) devices.set(address, true);
    },
    dropped(count) {
      drops += count;
    },
    silent(ms) {
      silentMs = ms;
    },
    radio(on, reason) {
      radioOn = on;
      radioText = reason;
    },
    say(trouble, waiting) {
      const dropText = drops > 0 ? `, ${drops} dropped` : '';
      const text = `${quantity(adverts, 'advert')}, ${quantity(devices.size, 'device')}${dropText}`;
      if (!radioOn) return { fill: 'red', text: radioText };
      if (trouble !== '')
        return { fill: drops > 0 ? 'red' : 'yellow', text: `${text}, ${waiting} waiting: ${trouble}` };
      if (silentMs > 0)
        return {
          fill: 'yellow',
          text: `no adverts for ${Math.round(silentMs / 1000)} s, scanning again; check ${adapter}`,
        };
      return { fill: 'green', text: adverts === 0 ? radioText : text };
    },
  };
}
