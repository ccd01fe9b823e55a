// A courier between a scripted flow and a clock that the test moves; what became of its messages is written down.
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { Settled } from '../kernel/ticket.ts';
import type { Raw } from '../reading/raw.ts';
import { type Courier, type CourierOptions, courier } from './courier.ts';
import type { CourierEvent } from './courier-attempts.ts';

export const ok: Settled = { ok: true };
export const data: Settled = { ok: false, kind: 'data', reason: 'bad' };
export const cut: Settled = { ok: false, kind: 'unfinished', reason: 'deployed' };
export const outage: Settled = { ok: false, kind: 'outage', reason: 'away' };

type Timer = { at: number; run(): void };
export type Bench = {
  courier: Courier;
  /** Messages arrive. */
  arrive(...topics: string[]): void;
  /** Topics of each emission so far, joined. */
  emitted: string[];
  settled: string[];
  dead: string[];
  counts: Partial<Record<CourierEvent, number>>;
  calls: string[];
  /** Moves the clock, running timers in order, and lets promises settle. */
  pass(ms: number): Promise<void>;
};

/** `answer` scripts the flow: by the topics of an emission and how often they were emitted before. */
export function bench(
  mode: 'each' | 'batches',
  answer: (topics: string, before: number) => Settled | Promise<Settled>,
  options: Partial<CourierOptions> = {},
): Bench {
  let now = 0;
  let timers: Timer[] = [];
  const seen = new Map<string, number>();
  const result = { emitted: [], settled: [], dead: [], counts: {}, calls: [] } as unknown as Bench;
  let push: (raw: Raw, settle: (settled: Settled) => void) => void = () => {};
  result.courier = courier({
    source: onMessage => {
      push = onMessage;
      return {
        pause: () => result.calls.push('pause'),
        resume: () => result.calls.push('resume'),
        close: async () => void result.calls.push('close'),
      };
    },
    async emit(raws) {
      const topics = raws.map(raw => raw.topic).join('');
      result.emitted.push(topics);
      const before = seen.get(topics) ?? 0;
      seen.set(topics, before + 1);
      return answer(topics, before);
    },
    async deadLetter(raw, reason, attempts) {
      result.dead.push(`${raw.topic} ${reason} ${attempts}`);
    },
    mode,
    onCount: (event, by) => {
      result.counts[event] = (result.counts[event] ?? 0) + by;
    },
    backoff: () => ({ next: () => 100, reset() {}, attempts: 0 }),
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter(other => other !== timer);
      };
    },
    ...options,
  });
  result.arrive = (...topics) => {
    for (const topic of topics)
      push({ topic, bytes: new Uint8Array(), receivedAt: 0, source: 's', protocol: 'mqtt' }, settled => {
        assert.deepEqual(settled, ok);
        result.settled.push(topic);
      });
  };
  result.pass = async ms => {
    const until = now + ms;
    for (;;) {
      await turn();
      const [next] = timers.filter(timer => timer.at <= until).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      timers = timers.filter(timer => timer !== next);
      now = next.at;
      next.run();
    }
    now = until;
    await turn();
  };
  return result;
}
