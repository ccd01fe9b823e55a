// Keeps a GATT link: connect, subscribe, enable, take notifications; when the link ends, begin again with backoff.
import { backoff } from '../kernel/backoff.ts';
import { reasonOf } from '../kernel/fault.ts';
import type { Link, Radio } from '../reading/radio.ts';
import type { After } from './timing.ts';

export type SessionOptions = {
  radio: Pick<Radio, 'connect'>;
  address: string;
  service: string;
  characteristic: string;
  /** Written with response after subscribing. */
  enable?: Uint8Array;
  onData: (bytes: Uint8Array, receivedAt: number) => void;
  onLink: (connected: boolean, reason: string) => void;
  /** The link is up and measures: what else there is to ask of the device. Its failures are its own. */
  onUp?: (link: Link) => void;
  after: After;
  random?: () => number;
};

export type Session = { close(): Promise<void> };

export function gattSession(options: SessionOptions): Session {
  const { radio, address, service, characteristic, enable, onData, onLink, onUp, after, random } = options;
  const wait = backoff(500, 5000, random);
  let link: Link | undefined;
  let cancel = (): void => {};
  const closing = new AbortController();
  let closed = false;
  let holding: Promise<void>;
  function hold(): void {
    holding = oneLink();
  }

  async function oneLink(): Promise<void> {
    let reason: string;
    try {
      link = await radio.connect(address, closing.signal);
      if (closed) return await link.disconnect();
      await link.subscribe(service, characteristic, onData);
      if (enable !== undefined) await link.write(service, characteristic, enable, true);
      wait.reset();
      onLink(true, 'connected');
      onUp?.(link);
      reason = await link.ended;
    } catch (error) {
      reason = reasonOf(error);
      // A link that cannot be used is given back: the meter takes only one.
      await link?.disconnect().catch(() => {});
    }
    link = undefined;
    if (closed) return;
    onLink(false, reason);
    cancel = after(wait.next(), hold);
  }

  hold();
  return {
    async close() {
      closed = true;
      cancel();
      closing.abort();
      await link?.disconnect().catch(() => {});
      await holding;
    },
  };
}
