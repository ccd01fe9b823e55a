// For the source contract: the way of a message that is under test, and a source of it with all that it hands out.
import type { Settled } from '../../src/kernel/ticket.ts';
import type { SourceHooks, SourceState } from '../../src/mqtt/source-state.ts';
import type { Source } from '../../src/reading/contracts.ts';
import type { Raw } from '../../src/reading/raw.ts';
import { watching } from '../support/watching.ts';

export type SourceSettings = SourceHooks & { window: number; maxPacketBytes?: number };
export type SourceBench = {
  /** The source under test, always under the same client id, subscribed to `t/#`. */
  source(settings: SourceSettings): Source;
  /** Resolves when the broker has taken the message. */
  publish(topic: string, payload: string | Buffer, qos?: 0 | 1 | 2): Promise<void>;
  /** Cuts the connection of the source; undefined where there is none. */
  cut?(): Promise<void>;
  /** The source bounds the size of a packet itself. */
  boundsPackets: boolean;
  /** Redeliveries carry the first time of receipt. */
  remembersReceipt: boolean;
  close(): Promise<void>;
};

type Delivery = { raw: Raw; text: string; settle(settled?: Settled): void };
export type Tap = {
  deliveries: Delivery[];
  states: SourceState[];
  dropped: string[];
  /** Resolves when so many have come in all. */
  until(count: number): Promise<Delivery[]>;
  /** Resolves when it has told this state so often. */
  told(state: SourceState['state'], times?: number): Promise<void>;
  pause(): void;
  resume(): void;
  close(): Promise<void>;
};

export function openTap(bench: SourceBench, settings: Partial<SourceSettings> = {}): Tap {
  const { changed, until: wait } = watching();
  const tap = { deliveries: [], states: [], dropped: [] } as unknown as Tap;
  const handle = bench.source({
    window: 100,
    onState(state) {
      tap.states.push(state);
      changed();
    },
    onDropped(reason, topic) {
      tap.dropped.push(`${topic}: ${reason}`);
      changed();
    },
    ...settings,
  })((raw, settle) => {
    tap.deliveries.push({
      raw,
      text: Buffer.from(raw.bytes).toString(),
      settle: (settled = { ok: true }) => settle(settled),
    });
    changed();
  });
  return Object.assign(tap, handle, {
    async until(count: number) {
      await wait(() => tap.deliveries.length >= count);
      return tap.deliveries;
    },
    told: (which: SourceState['state'], times = 1) =>
      wait(() => tap.states.filter(({ state }) => state === which).length >= times),
  });
}
