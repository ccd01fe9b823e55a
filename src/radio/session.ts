// Keeps a GATT link: connect, subscribe or read, enable, take what comes, write commands; when the link ends, begin again.
import { backoff } from '../kernel/backoff.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { Fault, reasonOf } from '../kernel/fault.ts';
import type { Link, Radio } from '../reading/radio.ts';
import type { After } from './timing.ts';

/** How messages travel where they are longer than a notification; one for each link. */
export type Framing = {
  /** What was notified: a message, when it is whole, and what is to be written back. */
  take(piece: Uint8Array): { frame?: Uint8Array; reply?: Uint8Array };
  /** A command as it is written, piece by piece. */
  split(command: Uint8Array): readonly Uint8Array[];
};

/** What is wanted of a device. */
export type Target = {
  service: string;
  /** Notifies or indicates, or is read. */
  characteristic: string;
  /** Where newer devices of the kind notify instead: subscribed to where a device has it. */
  newer?: string;
  /** Milliseconds between two reads; left out: it notifies. */
  readEveryMs?: number;
  /** Where commands are written, when not to the same characteristic. */
  commands?: string;
  /** Written with response once it is subscribed. */
  enable?: Uint8Array;
  framing?: () => Framing;
};

export type SessionOptions = Target & {
  radio: Pick<Radio, 'connect'>;
  address: string;
  /** `from`: the characteristic. */
  onData: (bytes: Uint8Array, receivedAt: number, from: string) => void;
  onLink: (connected: boolean, reason: string) => void;
  /** The link is up and measures: what else there is to ask of the device. Its failures are its own. */
  onUp?: (link: Link) => void;
  after: After;
  clock?: Clock;
  random?: () => number;
};

export type Session = {
  /** Undefined while there is none. */
  readonly link: Link | undefined;
  /** Writes a command where commands go; rejects without a link. */
  command(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
};

export function gattSession(options: SessionOptions): Session {
  const { radio, address, service, characteristic, newer, readEveryMs, commands = characteristic, enable } = options;
  const { onData, onLink, onUp, after, clock = systemClock, random } = options;
  const wait = backoff(500, 5000, random);
  let link: Link | undefined;
  let framing: Framing | undefined;
  let up = false;
  let cancel = (): void => {};
  let cancelRead = (): void => {};
  const closing = new AbortController();
  let closed = false;
  let holding: Promise<void>;
  function hold(): void {
    holding = oneLink();
  }

  async function command(bytes: Uint8Array): Promise<void> {
    if (link === undefined) throw new Fault('FIELDLINE_RADIO', `${address} is not connected`);
    for (const piece of framing?.split(bytes) ?? [bytes]) await link.write(service, commands, piece, true);
  }

  function take(bytes: Uint8Array, at: number, from: string): void {
    const { frame, reply } = framing?.take(bytes) ?? { frame: bytes };
    if (frame !== undefined) onData(frame, at, from);
    // A link that is ending tells so by itself.
    if (reply !== undefined) link?.write(service, commands, reply, true).catch(() => {});
  }

  async function subscribe(current: Link): Promise<void> {
    const to = (from: string): Promise<void> => current.subscribe(service, from, (bytes, at) => take(bytes, at, from));
    // On a link that has ended the second fails at once.
    await (newer === undefined ? to(characteristic) : to(newer).catch(() => to(characteristic)));
  }

  /** Reads for ever; ends the link, with the reason, when that fails. */
  async function readOn(current: Link, everyMs: number): Promise<string> {
    for (;;) {
      onData(await current.read(service, characteristic), clock.now(), characteristic);
      const ended = await new Promise<string | undefined>(resolve => {
        cancelRead = after(everyMs, () => resolve(undefined));
        void current.ended.then(resolve);
      });
      cancelRead();
      if (ended !== undefined) return ended;
    }
  }

  async function oneLink(): Promise<void> {
    let reason: string;
    try {
      link = await radio.connect(address, closing.signal);
      if (closed) return await link.disconnect();
      framing = options.framing?.();
      if (readEveryMs === undefined) await subscribe(link);
      if (enable !== undefined) await command(enable);
      wait.reset();
      up = true;
      onLink(true, 'connected');
      onUp?.(link);
      reason = readEveryMs === undefined ? await link.ended : await readOn(link, readEveryMs);
    } catch (error) {
      reason = reasonOf(error);
      // A link that cannot be used is given back: the meter takes only one.
      await link?.disconnect().catch(() => {});
    }
    link = undefined;
    up = false;
    if (closed) return;
    onLink(false, reason);
    cancel = after(wait.next(), hold);
  }

  hold();
  return {
    get link() {
      return up ? link : undefined;
    },
    command,
    async close() {
      closed = true;
      cancel();
      closing.abort();
      await link?.disconnect().catch(() => {});
      await holding;
      cancelRead();
    },
  };
}
