// Connections of the child: waits until a device is heard, connects one at a time, watches the links and ends them cleanly.
import type { AdvertReport } from './advert-report.ts';
import type { Refusal } from './att-error.ts';
import { awaitedDevices } from './awaited.ts';
import { type ChildLink, childLink } from './child-link.ts';
import type { RadioTimes } from './child-messages.ts';
import type { Gate } from './gate.ts';
import { COMMAND, statusText } from './hci.ts';
import type { LoadedNoble } from './noble.ts';

export type ChildLinks = {
  /** Resolves with the link's number once the device was heard and is connected; rejects when that takes too long. */
  connect(address: string, withinMs: number): Promise<number>;
  /** Nobody waits for this device any more; a connection that still comes about is ended. */
  cancel(address: string): void;
  link(id: number): ChildLink;
  disconnect(id: number): Promise<void>;
  /** A device refused the request that its link waits for. */
  refused(refusal: Refusal): void;
  /** Every report goes by here: the one that is waited for leads to a connection. */
  heard(report: AdvertReport): void;
  /** Links that are up. */
  readonly size: number;
  /** Devices that are waited for. */
  readonly awaited: number;
  close(): void;
};

export type ChildLinksOptions = LoadedNoble & {
  gate: Gate;
  times: RadioTimes;
  /** Switches the scan off; the function that it returns lets it go on. */
  holdScan: () => () => void;
  /** The number of `awaited` has changed. */
  onAwaited: () => void;
  onEnd: (link: number, reason: string) => void;
  onRssi: (link: number, dBm: number) => void;
  onDead: (reason: string) => void;
};

type Up = { id: number; uuid: string; handle: number; link: ChildLink; probe: NodeJS.Timeout };

const DISCONNECT_MS = 1000;
const ENDED_BY_US = 0x16;
const UNKNOWN_CONNECTION = 0x02;
const NO_RSSI = 127;

export function childLinks(options: ChildLinksOptions): ChildLinks {
  const { noble, bindings, forget, gate, times, holdScan, onAwaited, onEnd, onRssi, onDead } = options;
  const awaited = awaitedDevices(onAwaited);
  const up = new Map<number, Up>();
  /** Devices whose link this side is ending, and what waits for it. */
  const closing = new Map<string, () => void>();
  let lastId = 0;
  /** The one connection that is being made. */
  let attempt: { address: string; uuid: string; release(): void; timer: NodeJS.Timeout } | undefined;

  bindings.on('connect', (uuid: string | null, error: Error | null) => {
    const ours = attempt !== undefined && (uuid === attempt.uuid || uuid === null) ? attempt : undefined;
    if (ours === undefined) {
      // A connection that was given up, and came about all the same.
      if (error === null && uuid !== null) noble.disconnect(uuid);
      return;
    }
    endAttempt();
    if (error !== null) failed(ours.address, error.message);
    else made(ours.address, ours.uuid);
  });
  bindings.on('disconnect', (uuid: string, reason: number) => {
    const link = [...up.values()].find(one => one.uuid === uuid);
    if (link !== undefined) ended(link, statusText(reason));
    forget(uuid);
    closing.get(uuid)?.();
    closing.delete(uuid);
  });

  function endAttempt(): void {
    clearTimeout(attempt?.timer);
    const release = attempt?.release;
    attempt = undefined;
    release?.();
  }

  function failed(address: string, reason: string): void {
    forget(uuidOf(address));
    // It is tried again when it is heard again, until its time is over.
    awaited.failed(address, reason);
  }

  function made(address: string, uuid: string): void {
    const handle = Number(bindings._handles[uuid]);
    const peripheral = noble._peripherals[uuid];
    const tell = peripheral && awaited.met(address);
    if (peripheral === undefined || tell === undefined) {
      noble.disconnect(uuid);
      return;
    }
    const id = ++lastId;
    const link = childLink({
      peripheral,
      operationMs: times.operation,
      onUnanswered: reason => void endOwn(id, reason),
    });
    up.set(id, { id, uuid, handle, link, probe: setInterval(() => void probe(id), times.probe) });
    tell(id);
  }

  /** A controller that was reset knows nothing of the link, nor of how it was set up, and would never say so by itself. */
  async function probe(id: number): Promise<void> {
    const link = up.get(id);
    if (link === undefined) return;
    const answer = await gate.tryToAsk(COMMAND.readRssi, Buffer.of(link.handle & 0xff, link.handle >> 8));
    if (!up.has(id)) return;
    if (answer === undefined) {
      // It does not know this command, or answers nothing any more, which the second question tells.
      clearInterval(link.probe);
      await gate.ask(COMMAND.readBdAddr);
    } else if (answer.status === UNKNOWN_CONNECTION) onDead('the controller was reset: it no longer knows its links');
    else if (answer.status === 0 && answer.values.length >= 3 && answer.values.readInt8(2) !== NO_RSSI)
      onRssi(id, answer.values.readInt8(2));
  }

  function ended(link: Up, reason: string): void {
    up.delete(link.id);
    clearInterval(link.probe);
    link.link.end(reason);
    onEnd(link.id, reason);
  }

  /** Ends a link from this side. */
  async function endOwn(id: number, reason: string): Promise<void> {
    const link = up.get(id);
    if (link === undefined) return;
    ended(link, reason);
    const gone = new Promise<void>(resolve => closing.set(link.uuid, resolve));
    // A controller that does not confirm it: noble must forget the link all the same.
    const timer = setTimeout(() => gate.endLink(link.handle, ENDED_BY_US), DISCONNECT_MS);
    noble.disconnect(link.uuid);
    await gone;
    clearTimeout(timer);
  }

  function begin(report: AdvertReport): void {
    const { address, random, rssi } = report;
    const uuid = uuidOf(address);
    bindings.onDiscover(0, address.toLowerCase(), random ? 'random' : 'public', true, {}, rssi ?? 0, false);
    const timer = setTimeout(() => giveUp(), times.connect);
    attempt = { address, uuid, release: holdScan(), timer };
    noble.connect(uuid);
  }

  /** A connection that does not come about is called off; a controller that cannot even do that is dead. */
  function giveUp(): void {
    if (attempt === undefined) return;
    const { uuid } = attempt;
    attempt.timer = setTimeout(() => onDead('a connection could neither be made nor called off'), times.command);
    noble.cancelConnect(uuid);
  }

  return {
    async connect(address, withinMs) {
      if (awaited.has(address) || [...up.values()].some(({ uuid }) => uuid === uuidOf(address)))
        throw new Error(`${address} has a link already: another node uses it`);
      return awaited.wait(address, withinMs);
    },
    cancel: address => awaited.giveUp(address, 'nobody waits for the device any more'),
    link(id) {
      const found = up.get(id);
      if (found === undefined) throw new Error('the link has ended');
      return found.link;
    },
    disconnect: id => endOwn(id, 'disconnected'),
    refused({ handle, reason }) {
      for (const one of up.values()) if (one.handle === handle) one.link.refused(reason);
    },
    heard(report) {
      const { address, connectable } = report;
      if (attempt === undefined && connectable && awaited.has(address) && !closing.has(uuidOf(address))) begin(report);
    },
    get size() {
      return up.size;
    },
    get awaited() {
      return awaited.size;
    },
    close() {
      endAttempt();
      awaited.close();
      for (const { probe: timer } of up.values()) clearInterval(timer);
    },
  };
}

function uuidOf(address: string): string {
  return address.replaceAll(':', '').toLowerCase();
}
