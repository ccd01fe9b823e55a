// The radio behind an adapter: one Bluetooth process for all nodes that use it, started by the first, ended with the last.
import { Fault } from '../kernel/fault.ts';
import type { HeardAdvert, Link, LostListener, Radio, RadioState } from '../reading/radio.ts';
import { unpackAdverts } from './advert-batch.ts';
import { advertFields } from './advert-data.ts';
import { advertInbox } from './advert-inbox.ts';
import { type Calls, callsTo } from './calls.ts';
import { type FromChild, type RadioTimes, radioTimes } from './child-messages.ts';
import { type RadioProcess, radioProcess } from './child-process.ts';
import type { Controller } from './controller-name.ts';
import { remoteLinks } from './remote-link.ts';

type Scan = { active: boolean; onAdvert: (advert: HeardAdvert) => void; isBusy: () => boolean };

/** What all users of one adapter share. */
export type Adapter = {
  scan(user: Scan): () => Promise<void>;
  connect(address: string, signal?: AbortSignal): Promise<Link>;
  onState(listener: (state: RadioState) => void): () => void;
  /** Adverts that were heard and did not come through, with the reason. */
  onLost(listener: LostListener): () => void;
  onFault(listener: (reason: string) => void): () => void;
  readonly pid: number | undefined;
  close(): Promise<void>;
};

/** The time in which an adapter that is not ready may become so. */
const READY_WITHIN_MS = 5000;
/** The time in which a device that is wanted is to be heard. */
const HEARD_WITHIN_MS = 20_000;
const ANSWER_MS = 5000;
const SLOW = 'the flows are slower than the radio';
const DAMAGED = 'the controller reported what cannot be read';
/** A process that lives hands over at once what it has. */
const FLUSH_MS = 1000;

export function adapterOf(controller: Controller, times: RadioTimes = radioTimes): Adapter {
  const scans = new Set<Scan>();
  /** Of these, who wants only what has been heard already. */
  const leaving = new Set<Scan>();
  const stateListeners = new Set<(state: RadioState) => void>();
  const lostListeners = new Set<LostListener>();
  const faultListeners = new Set<(reason: string) => void>();
  let state: RadioState = { state: 'starting', reason: 'the Bluetooth process starts' };
  /** Of this child: adverts that came through, and that it has told to have dropped or not to have been able to read. */
  let received = 0;
  let dropped = 0;
  let damaged = 0;
  const process: RadioProcess = radioProcess({ controller, times, onMessage: take, onEnd: ended });
  // The child has its own limits; these are for a child that keeps none.
  const calls: Calls = callsTo(process.tell, times.connect + times.operation + times.command);
  const links = remoteLinks(calls);
  const inbox = advertInbox({
    unpack: takeAdverts,
    isBusy: () => [...scans].some(({ isBusy }) => isBusy()),
    onTaken: () => process.tell({ taken: true }),
  });

  function become(next: RadioState): void {
    state = next;
    for (const listener of stateListeners) listener(next);
  }

  /** A device is looked for when there is something to look with: waiting for that is shorter than trying again. */
  function on(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (next: RadioState): void => {
        if (next.state !== 'on') return;
        settle();
        resolve();
      };
      const settle = (): void => {
        clearTimeout(timer);
        stateListeners.delete(look);
        signal?.removeEventListener('abort', giveUp);
      };
      const giveUp = (): void => {
        settle();
        reject(new Fault('FIELDLINE_RADIO', `${state.state}: ${state.reason}`, { kind: 'outage' }));
      };
      const timer = setTimeout(giveUp, READY_WITHIN_MS);
      signal?.addEventListener('abort', giveUp);
      stateListeners.add(look);
      look(state);
    });
  }

  function tellScan(): void {
    const staying = [...scans].filter(user => !leaving.has(user));
    process.tell({ scan: staying.length > 0, active: staying.some(({ active }) => active) });
  }

  async function leave(user: Scan): Promise<void> {
    leaving.add(user);
    tellScan();
    // Where it does not answer, what it still has is counted when it ends.
    if (process.pid !== undefined) await calls.ask(id => ({ id, flush: true }), FLUSH_MS).catch(() => {});
    inbox.drain();
    scans.delete(user);
    leaving.delete(user);
  }

  function lost(count: number, why: Parameters<LostListener>[2], reason: string): void {
    if (count > 0) for (const listener of lostListeners) listener(count, reason, why);
  }

  function ended(reason: string, heard: number): void {
    inbox.drain();
    lost(heard - received - dropped, 'ended', reason);
    received = 0;
    dropped = 0;
    damaged = 0;
    // What the child said last tells more than how it ended.
    if (state.state === 'on' || state.state === 'starting') become({ state: 'off', reason });
    calls.fail(reason);
    links.endAll(state.reason);
  }

  function take(message: FromChild): void {
    if ('adverts' in message) inbox.offer(message.adverts);
    else if ('state' in message) {
      become(message.state);
      if (message.state.state === 'on') tellScan();
    } else if ('id' in message) calls.settle(message);
    else if ('beat' in message) {
      lost(message.beat.dropped - dropped, 'full', SLOW);
      dropped = message.beat.dropped;
      lost(message.beat.damaged - damaged, 'damaged', DAMAGED);
      damaged = message.beat.damaged;
    } else if ('link' in message) links.take(message);
    else if ('fault' in message) for (const listener of faultListeners) listener(message.fault);
  }

  function takeAdverts(packed: Uint8Array): void {
    for (const { address, rssi, txPower, data, at } of unpackAdverts(packed)) {
      received++;
      const advert: HeardAdvert = {
        address,
        ...(rssi === undefined ? {} : { rssi }),
        ...(txPower === undefined ? {} : { tx_power: txPower }),
        ...advertFields(data),
        receivedAt: at,
      };
      for (const { onAdvert } of scans) onAdvert(advert);
    }
  }

  return {
    scan(user) {
      scans.add(user);
      tellScan();
      let left: Promise<void> | undefined;
      return () => {
        left ??= leave(user);
        return left;
      };
    },
    async connect(address, signal) {
      await on(signal);
      if (signal?.aborted)
        throw new Fault('FIELDLINE_RADIO', 'nobody waits for the device any more', { kind: 'outage' });
      const wanted = address.trim().toUpperCase();
      const cancel = (): void => process.tell({ cancel: wanted });
      signal?.addEventListener('abort', cancel);
      const link = await calls
        .ask(id => ({ id, connect: wanted, within: HEARD_WITHIN_MS }), HEARD_WITHIN_MS + ANSWER_MS)
        .finally(() => signal?.removeEventListener('abort', cancel));
      return links.open(link as number);
    },
    onState(listener) {
      stateListeners.add(listener);
      listener(state);
      return () => stateListeners.delete(listener);
    },
    onLost(listener) {
      lostListeners.add(listener);
      return () => lostListeners.delete(listener);
    },
    onFault(listener) {
      faultListeners.add(listener);
      return () => faultListeners.delete(listener);
    },
    get pid() {
      return process.pid;
    },
    async close() {
      await process.close();
      calls.fail('the adapter was closed');
      links.endAll('the adapter was closed');
    },
  };
}

/** A radio whose process can be looked at. */
export type AdapterRadio = Radio & { readonly pid: number | undefined };

/** One user's view: what it started ends when it closes, and nothing else. */
export function radioOn(adapter: Adapter, active: boolean, release: () => Promise<void>): AdapterRadio {
  const stops = new Set<() => Promise<void>>();
  const ends = new Set<() => void>();
  const lastEnds = new Set<() => void>();
  const links = new Set<Link>();
  return {
    scan(onAdvert, isBusy = () => false) {
      const stop = adapter.scan({ active, onAdvert, isBusy });
      stops.add(stop);
      return () => {
        stops.delete(stop);
        return stop();
      };
    },
    async connect(address, signal) {
      const link = await adapter.connect(address, signal);
      links.add(link);
      void link.ended.then(() => links.delete(link));
      return link;
    },
    onState(listener) {
      ends.add(adapter.onState(listener));
    },
    onLost(listener) {
      lastEnds.add(adapter.onLost(listener));
    },
    onFault(listener) {
      ends.add(adapter.onFault(listener));
    },
    get pid() {
      return adapter.pid;
    },
    async close() {
      for (const end of ends) end();
      await Promise.all([...stops].map(stop => stop()));
      await Promise.all([...links].map(link => link.disconnect().catch(() => {})));
      await release();
      // What has not come through is counted when its process ends.
      for (const end of lastEnds) end();
    },
  };
}
