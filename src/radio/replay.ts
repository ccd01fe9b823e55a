// The radio that needs no adapter: plays captures in a loop, in their order, behind the same contract as a real one.
import { fromHex } from '../kernel/bytes.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { expected, Fault } from '../kernel/fault.ts';
import type { GattService, HeardAdvert, Link, Radio } from '../reading/radio.ts';
import type { AdvertCapture, Captures, NotificationCapture } from './captures.ts';
import { type After, after as realAfter } from './timing.ts';

export type ReplayOptions = {
  captures: Captures;
  /** 2 plays twice as fast. */
  speed?: number;
  /** Put before every address, so that demo devices are known by their names (`demo-`). */
  prefix?: string;
  clock?: Clock;
  after?: After;
};

// Silence between the last record of a loop and the first of the next.
const PAUSE_MS = 500;

export function replayRadio({
  captures,
  speed = 1,
  prefix = '',
  clock = systemClock,
  after = realAfter,
}: ReplayOptions): Radio {
  const stops = new Set<() => void>();
  const links = new Set<Link>();

  /** Plays records (ordered by `at`) for ever; only one timer runs at a time, so that late ones do not come in a heap. */
  function play<R extends { at: number }>(records: readonly R[], each: (record: R) => void): () => void {
    const [first] = records;
    if (first === undefined) return () => {};
    let cancel = (): void => {};
    const wait = (index: number, record: R, ms: number): void => {
      cancel = after(ms / speed, () => {
        const next = records[index + 1];
        if (next === undefined) wait(0, first, PAUSE_MS + first.at);
        else wait(index + 1, next, next.at - record.at);
        each(record);
      });
    };
    wait(0, first, first.at);
    const stop = (): void => {
      cancel();
      stops.delete(stop);
    };
    stops.add(stop);
    return stop;
  }

  function heard({ kind: _kind, at: _at, ...advert }: AdvertCapture): HeardAdvert {
    return { ...advert, address: prefix + advert.address, receivedAt: clock.now() };
  }

  async function connect(address: string): Promise<Link> {
    const own = captures.notifications.filter(record => sameText(prefix + record.address, address));
    if (own.length === 0) {
      const known = [...new Set(captures.notifications.map(record => prefix + record.address))];
      throw radioFault(expected('replay', `a device that was captured (${known.join(', ') || 'none'})`, address));
    }
    const plays = new Set<() => void>();
    let end = (_reason: string): void => {};
    const ended = new Promise<string>(resolve => {
      end = resolve;
    });
    let open = true;
    const find = (service: string, characteristic: string): typeof own => {
      if (!open) throw radioFault('replay: the link has ended');
      const found = own.filter(
        record => sameText(record.service, service) && sameText(record.characteristic, characteristic),
      );
      if (found.length === 0)
        throw radioFault(
          expected(`replay of ${address}`, 'a characteristic that was captured', `${service}/${characteristic}`),
        );
      return found;
    };
    const link: Link = {
      services: async () => servicesIn(own),
      async subscribe(service, characteristic, onData) {
        plays.add(
          play(find(service, characteristic), record => onData(fromHex(record.hex) ?? new Uint8Array(), clock.now())),
        );
      },
      // A capture answers nothing: what is written is taken.
      async write(service, characteristic) {
        find(service, characteristic);
      },
      async read(service, characteristic) {
        throw radioFault(
          expected('replay', 'a characteristic with notifications', `a read of ${service}/${characteristic}`),
        );
      },
      ended,
      async disconnect() {
        open = false;
        links.delete(link);
        for (const stop of plays) stop();
        end('disconnected');
      },
    };
    links.add(link);
    return link;
  }

  return {
    scan(onAdvert) {
      const stop = play(captures.adverts, record => onAdvert(heard(record)));
      return async () => stop();
    },
    connect,
    onState(listener) {
      const { adverts, notifications } = captures;
      listener({ state: 'on', reason: `replay of ${adverts.length} adverts, ${notifications.length} notifications` });
    },
    // Captures wait until they are played.
    onLost() {},
    onFault() {},
    async close() {
      await Promise.all([...links].map(link => link.disconnect()));
      for (const stop of stops) stop();
    },
  };
}

function servicesIn(records: readonly NotificationCapture[]): GattService[] {
  const services = new Map<string, Set<string>>();
  for (const { service, characteristic } of records)
    services.set(service, (services.get(service) ?? new Set()).add(characteristic));
  return [...services].map(([uuid, characteristics]) => ({
    uuid,
    characteristics: [...characteristics].map(one => ({ uuid: one, properties: ['notify', 'write'] })),
  }));
}

function sameText(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function radioFault(message: string): Fault {
  return new Fault('FIELDLINE_RADIO', message, { kind: 'outage' });
}
