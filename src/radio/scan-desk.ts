// Scan now: what is on the air around an adapter, for somebody who looks at a dialog; it ends when nobody looks any more.
import { type BoundedMap, boundedMap } from '../kernel/bounded.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { HeardAdvert, Radio, RadioState } from '../reading/radio.ts';
import { type AdapterOptions, openRadio } from './open.ts';
import { type After, after as realAfter } from './timing.ts';

export type HeardDevice = {
  address: string;
  name?: string;
  /** dBm, of the last advert that told it. */
  rssi?: number;
  /** Milliseconds since the last advert. */
  agoMs: number;
  adverts: number;
  services: readonly string[];
};
/** Nearest first. */
export type View = RadioState & { devices: readonly HeardDevice[] };

export type ScanDesk = {
  /** The devices heard since somebody began to look at this adapter; the first look begins to scan. */
  look(adapter: string, prefix?: string): Promise<View>;
};

export type ScanDeskOptions = {
  open?: (adapter: string, options: AdapterOptions) => Promise<Radio | undefined>;
  clock?: Clock;
  after?: After;
};

/** Dialogs look once a second. */
const NOBODY_LOOKS_MS = 5000;
const DEVICES = 300;

type Seen = { name?: string; rssi?: number; at: number; adverts: number; services: Set<string> };
type Scan = { state: RadioState; seen: BoundedMap<string, Seen>; stillLooking(): void };

export function scanDesk({ open = openRadio, clock = systemClock, after = realAfter }: ScanDeskOptions = {}): ScanDesk {
  const scans = new Map<string, Promise<Scan>>();

  /** Active, since a person wants to see names; the radio may be in use, which goes on. */
  async function begin(key: string, adapter: string, prefix: string): Promise<Scan> {
    const radio = await open(adapter, { active: true, demo: true, prefix });
    if (radio === undefined) throw new Error(`adapter ${adapter} plays nothing here`);
    const seen = boundedMap<string, Seen>(DEVICES);
    let cancel = (): void => {};
    const scan: Scan = {
      state: { state: 'starting', reason: 'the radio starts' },
      seen,
      stillLooking() {
        cancel();
        cancel = after(NOBODY_LOOKS_MS, () => {
          scans.delete(key);
          void radio.close();
        });
      },
    };
    radio.onState(state => {
      scan.state = state;
    });
    radio.scan(advert => note(seen, advert, clock.steady()));
    scan.stillLooking();
    return scan;
  }

  return {
    async look(adapter, prefix = '') {
      const key = `${prefix} ${adapter.trim()}`;
      let begun = scans.get(key);
      if (begun === undefined) {
        begun = begin(key, adapter, prefix);
        scans.set(key, begun);
        begun.catch(() => scans.delete(key));
      }
      const scan = await begun;
      scan.stillLooking();
      const now = clock.steady();
      const devices = [...scan.seen.entries()].map(
        ([address, { at, services, ...rest }]): HeardDevice => ({
          address,
          ...rest,
          agoMs: Math.round(now - at),
          services: [...services],
        }),
      );
      return { ...scan.state, devices: devices.sort((a, b) => (b.rssi ?? -200) - (a.rssi ?? -200)) };
    },
  };
}

function note(seen: Scan['seen'], advert: HeardAdvert, at: number): void {
  const { address, name, rssi } = advert;
  const listed = Array.isArray(advert['service_uuids']) ? (advert['service_uuids'] as readonly string[]) : [];
  const data = Object.keys(advert['service_data'] ?? {});
  const known = seen.get(address) ?? { at, adverts: 0, services: new Set<string>() };
  known.at = at;
  known.adverts++;
  if (typeof name === 'string' && name !== '') known.name = name;
  if (typeof rssi === 'number') known.rssi = rssi;
  for (const uuid of [...listed, ...data]) if (known.services.size < 16) known.services.add(uuid);
  seen.set(address, known);
}
