// Tests of the courier: how often a message is emitted, and what is settled, buried and counted.
import assert from 'node:assert/strict';
import type { Settled } from '../kernel/ticket.ts';
import type { Raw } from '../reading/raw.ts';
import { bench, cut, data, ok, outage } from './courier.fixture.ts';
import { courier, LINGER_MS } from './courier.ts';

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
