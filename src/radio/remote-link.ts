// Links that live in the Bluetooth process, as the Radio contract has them here.
import { boundedMap } from '../kernel/bounded.ts';
import { Fault } from '../kernel/fault.ts';
import type { GattService, Link } from '../reading/radio.ts';
import type { Calls } from './calls.ts';
import type { FromChild, ToChild } from './child-messages.ts';
import { uuidKey } from './uuid.ts';

export type RemoteLinks = {
  open(id: number): Link;
  take(message: Extract<FromChild, { link: number }>): void;
  /** The process has ended, and all links with it. */
  endAll(reason: string): void;
};

type Question = Extract<ToChild, { id: number }>;
type State = {
  onData: Map<string, (bytes: Uint8Array, at: number) => void>;
  end(reason: string): void;
  rssi: number | undefined;
};

export function remoteLinks(calls: Calls): RemoteLinks {
  const links = new Map<number, State>();
  /** Links that ended before anyone here knew of them. */
  const early = boundedMap<number, string>(64);

  return {
    open(id) {
      let end = (_reason: string): void => {};
      const ended = new Promise<string>(resolve => {
        end = resolve;
      });
      const state: State = { onData: new Map(), end, rssi: undefined };
      const reason = early.get(id);
      if (reason === undefined) links.set(id, state);
      else end(reason);
      // The next process counts its links from one again.
      const alive = (): boolean => links.get(id) === state;
      const ask = (question: (call: number) => Question): Promise<unknown> =>
        alive()
          ? calls.ask(question)
          : Promise.reject(new Fault('FIELDLINE_RADIO', 'the link has ended', { kind: 'outage' }));
      return {
        ended,
        async services() {
          return (await ask(call => ({ id: call, link: id, services: true }))) as GattService[];
        },
        async subscribe(service, characteristic, onData) {
          state.onData.set(uuidKey(characteristic), onData);
          await ask(call => ({ id: call, link: id, subscribe: { service, characteristic } }));
        },
        async write(service, characteristic, bytes, withResponse) {
          await ask(call => ({ id: call, link: id, write: { service, characteristic }, bytes, withResponse }));
        },
        async read(service, characteristic) {
          return (await ask(call => ({ id: call, link: id, read: { service, characteristic } }))) as Uint8Array;
        },
        get rssi() {
          return state.rssi;
        },
        async disconnect() {
          if (alive()) await ask(call => ({ id: call, link: id, disconnect: true }));
        },
      };
    },
    take(message) {
      const state = links.get(message.link);
      if (state === undefined) {
        if ('ended' in message) early.set(message.link, message.ended);
      } else if ('rssi' in message) state.rssi = message.rssi;
      else if ('bytes' in message) state.onData.get(uuidKey(message.characteristic))?.(message.bytes, message.at);
      else {
        links.delete(message.link);
        state.end(message.ended);
      }
    },
    endAll(reason) {
      for (const { end } of links.values()) end(reason);
      links.clear();
      early.clear();
    },
  };
}
