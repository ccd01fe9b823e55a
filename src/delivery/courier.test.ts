// Tests of the courier: what is emitted, how often, in which batches, and what is settled, with a scripted flow and no real clock.
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { Settled } from '../kernel/ticket.ts';
import type { Raw } from '../reading/raw.ts';
import { type Courier, type CourierEvent, type CourierOptions, courier, LINGER_MS } from './courier.ts';

const ok: Settled = { ok: true };
const data: Settled = { ok: false, kind: 'data', reason: 'bad' };
const cut: Settled = { ok: false, kind: 'unfinished', reason: 'deployed' };
const outage: Settled = { ok: false, kind: 'outage', reason: 'away' };

type Timer = { at: number; run(): void };
type Bench = {
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
function bench(
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

describe('courier', () => {
  const table: {
    name: string;
    mode: 'each' | 'batches';
    arrive: string;
    answer: (topics: string, before: number) => Settled | Promise<Settled>;
    pass?: number;
    emitted: string[];
    settled: string;
    dead?: string[];
  }[] = [
    {
      name: 'each: one ticket a message',
      mode: 'each',
      arrive: 'ab',
      answer: () => ok,
      emitted: ['a', 'b'],
      settled: 'ab',
    },
    {
      name: 'batches: one ticket for all',
      mode: 'batches',
      arrive: 'abc',
      answer: () => ok,
      emitted: ['abc'],
      settled: 'abc',
    },
    {
      name: 'a bad single message is tried three times, without waiting, then becomes a dead letter',
      mode: 'each',
      arrive: 'a',
      answer: () => data,
      pass: 0,
      emitted: ['a', 'a', 'a'],
      settled: 'a',
      dead: ['a bad 3'],
    },
    {
      name: 'a bad batch goes again as its members; only the bad one dies',
      mode: 'batches',
      arrive: 'abc',
      answer: topics => (topics.includes('b') ? data : ok),
      emitted: ['abc', 'a', 'b', 'c', 'b', 'b'],
      settled: 'acb',
      dead: ['b bad 3'],
    },
    {
      name: 'an unfinished message is tried again after a wait',
      mode: 'each',
      arrive: 'a',
      answer: (_, before) => (before === 0 ? cut : ok),
      pass: 99,
      emitted: ['a'],
      settled: '',
    },
    {
      name: 'and settles then',
      mode: 'each',
      arrive: 'a',
      answer: (_, before) => (before === 0 ? cut : ok),
      pass: 100,
      emitted: ['a', 'a'],
      settled: 'a',
    },
    {
      name: 'a flow that never finishes makes a dead letter after three tries',
      mode: 'each',
      arrive: 'a',
      answer: () => cut,
      pass: 1000,
      emitted: ['a', 'a', 'a'],
      settled: 'a',
      dead: ['a deployed 3'],
    },
    {
      name: 'an outage is tried again for ever, whole, and does not count',
      mode: 'batches',
      arrive: 'ab',
      answer: (_, before) => (before < 50 ? outage : ok),
      pass: 5100,
      emitted: Array.from({ length: 51 }, () => 'ab'),
      settled: 'ab',
    },
    {
      name: 'an outage between two failures does not count either',
      mode: 'each',
      arrive: 'a',
      answer: (_, before) => [data, outage, outage, data, outage, data][before] ?? ok,
      pass: 1000,
      emitted: Array.from({ length: 6 }, () => 'a'),
      settled: 'a',
      dead: ['a bad 3'],
    },
    {
      name: 'an emission that throws counts as unfinished',
      mode: 'each',
      arrive: 'a',
      answer: (_, before) => (before < 2 ? Promise.reject(new Error('boom')) : ok),
      pass: 1000,
      emitted: ['a', 'a', 'a'],
      settled: 'a',
    },
  ];
  for (const row of table)
    it(row.name, async () => {
      const it = bench(row.mode, row.answer);
      it.arrive(...row.arrive);
      await it.pass(row.pass ?? LINGER_MS);
      assert.deepEqual(it.emitted, row.emitted);
      assert.equal(it.settled.join(''), row.settled);
      assert.deepEqual(it.dead, row.dead ?? []);
    });

  it('waits a moment for a batch, sends 48 at once while little is out, then 200, and what there is when the window is full', async () => {
    const it = bench('batches', () => ok);
    it.arrive('a');
    await it.pass(LINGER_MS - 1);
    assert.equal(it.emitted.length, 0);
    await it.pass(1);
    assert.deepEqual(it.emitted, ['a']);
    it.arrive(...'b'.repeat(450));
    await it.pass(0);
    assert.deepEqual(
      it.emitted.slice(1).map(topics => topics.length),
      [48, 48, 200],
    );
    it.courier.windowFull();
    await it.pass(0);
    assert.deepEqual(
      it.emitted.slice(4).map(topics => topics.length),
      [154],
    );
    await it.pass(100);
    assert.equal(it.emitted.length, 5, 'the timer of the batch that left is gone');
  });

  it('paused, keeps what waits for a batch until it is resumed', async () => {
    const it = bench('batches', () => ok);
    it.arrive('a');
    it.courier.pause();
    await it.pass(100);
    assert.deepEqual(it.emitted, []);
    it.courier.resume();
    await it.pass(0);
    assert.deepEqual(it.emitted, ['a']);
  });

  it('while a batch is out, lets a small one wait for company, until it is back or 20 ms have passed', async () => {
    const waiting: ((settled: Settled) => void)[] = [];
    const it = bench('batches', () => new Promise<Settled>(resolve => waiting.push(resolve)));
    it.arrive('a');
    await it.pass(LINGER_MS);
    it.arrive('b');
    await it.pass(LINGER_MS + 2);
    assert.deepEqual(it.emitted, ['a'], 'b waits');
    it.arrive('c');
    waiting[0]?.(ok);
    await it.pass(0);
    assert.deepEqual(it.emitted, ['a', 'bc'], 'it is back');
    it.arrive('d');
    await it.pass(19);
    assert.equal(it.emitted.length, 2);
    await it.pass(1);
    assert.deepEqual(it.emitted.at(-1), 'd', 'has waited long enough');
  });

  it('keeps a bounded number of tickets open; what waits makes larger batches', async () => {
    let release: (settled: Settled) => void = () => {};
    const it = bench('batches', () => new Promise(resolve => (release = resolve)), { maxOpen: 1 });
    it.arrive('a');
    await it.pass(LINGER_MS);
    it.arrive('b');
    await it.pass(LINGER_MS);
    it.arrive('c');
    await it.pass(LINGER_MS);
    assert.deepEqual(it.emitted, ['a']);
    release(ok);
    await it.pass(0);
    assert.deepEqual(it.emitted, ['a', 'bc']);
    assert.equal(it.courier.open, 1);
  });

  it('does not acknowledge before the dead letter is on the disk', async () => {
    let full = true;
    const it = bench('each', () => data, {
      deadLetter: async () => {
        if (full) throw new Error('no space left');
      },
    });
    it.arrive('a');
    await it.pass(1000);
    assert.deepEqual(it.settled, []);
    full = false;
    await it.pass(100);
    assert.deepEqual(it.settled, ['a']);
    assert.equal(it.emitted.length, 3, 'and it is not emitted again meanwhile');
  });

  it('stops: takes nothing more, ends its waits, acknowledges what still settles, then closes the source', async () => {
    const releases: ((settled: Settled) => void)[] = [];
    const it = bench('each', topics => (topics === 'o' ? outage : new Promise(resolve => releases.push(resolve))));
    it.arrive('a', 'b', 'o');
    await it.pass(0);
    const stopped = it.courier.stop(2000);
    it.arrive('late');
    await it.pass(1000);
    assert.deepEqual(it.calls, ['pause']);
    releases[0]?.(ok);
    releases[1]?.(data);
    await it.pass(0);
    await stopped;
    assert.deepEqual(it.calls, ['pause', 'close']);
    assert.deepEqual(it.settled, ['a']);
    assert.deepEqual(it.emitted, ['a', 'b', 'o']);
    assert.deepEqual(it.dead, []);
  });

  it('does not wait longer than it is told when it stops', async () => {
    const it = bench('each', () => new Promise(() => {}));
    it.arrive('a');
    await it.pass(0);
    const stopped = it.courier.stop(50);
    await it.pass(50);
    await stopped;
    assert.deepEqual(it.calls, ['pause', 'close']);
  });

  it('leaves the receipt as it came: a retry is no redelivery by the publisher, and a simple client repeats packet ids', async () => {
    const marks: (boolean | undefined)[] = [];
    let hand: (raw: Raw, settle: (settled: Settled) => void) => void = () => {};
    courier({
      source: onMessage => {
        hand = onMessage;
        return { pause() {}, resume() {}, close: async () => {} };
      },
      emit: async ([raw]) => {
        marks.push(raw?.receipt?.redelivered);
        return marks.length < 3 ? data : ok;
      },
      deadLetter: async () => {},
      mode: 'each',
    });
    const receipt = { key: 'k', redelivered: false };
    const all = new Promise<void>(resolve => {
      hand({ topic: 'a', bytes: new Uint8Array(), receivedAt: 0, source: 's', protocol: 'mqtt', receipt }, () =>
        resolve(),
      );
    });
    await all;
    assert.deepEqual(marks, [false, false, false]);
  });

  it('counts', async () => {
    const it = bench('batches', topics => (topics.includes('b') ? data : ok));
    it.arrive('a', 'b');
    await it.pass(LINGER_MS);
    assert.deepEqual(it.counts, { received: 2, emitted: 6, settled: 1, retried: 4, 'dead-lettered': 1 });
  });
});
