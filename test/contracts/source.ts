// The contract of every durable source, run over each way a message can come: one suite, several brokers.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { openTap, type SourceBench, type SourceSettings, type Tap } from './tap.ts';

/** How long nothing must happen for a test to believe that nothing will: in pieces, of which a machine that stands still takes one. */
async function quiet(): Promise<void> {
  for (let piece = 0; piece < 15; piece++) await sleep(10);
}

const texts = (tap: Tap): string[] => tap.deliveries.map(({ text }) => text);
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, at) => String(from + at));

export function sourceContract(name: string, make: (skip: () => never) => Promise<SourceBench>): void {
  describe(`source contract: ${name}`, () => {
    let bench: SourceBench | undefined;
    let tap: Tap | undefined;
    beforeEach(async function () {
      bench = await make(() => this.skip());
    });
    afterEach(async () => {
      await tap?.close();
      await bench?.close();
      tap = undefined;
      bench = undefined;
    });
    /** Skipped where the way of this bench has no such thing. */
    const it_ = (
      title: string,
      run: (bench: SourceBench) => Promise<void>,
      applies: (bench: SourceBench) => unknown = () => true,
    ): void => {
      it(title, function () {
        if (!applies(bench as SourceBench)) this.skip();
        return run(bench as SourceBench);
      });
    };
    const start = async (settings?: Partial<SourceSettings>): Promise<Tap> => {
      tap = openTap(bench as SourceBench, settings);
      await tap.told('subscribed');
      return tap;
    };
    /** Closes and opens again under the same name. */
    const restart = async (settings?: Partial<SourceSettings>): Promise<Tap> => {
      await tap?.close();
      return start(settings);
    };
    const publishAll = async (all: readonly string[], qos: 0 | 1 | 2 = 1): Promise<void> => {
      for (const text of all) await bench?.publish(`t/${text}`, text, qos);
    };
    /** Only the marker comes: nothing else was owed. */
    const owesNothing = async (): Promise<void> => {
      const again = await restart();
      await bench?.publish('t/end', 'end', 1);
      await again.until(1);
      assert.deepEqual(texts(again), ['end']);
      again.deliveries[0]?.settle();
    };

    for (const qos of [1, 2] as const)
      it_(`hands out QoS ${qos} messages in order, once, and owes nothing when all have settled`, async () => {
        const it = await start();
        await publishAll(numbers(0, 50), qos);
        for (const delivery of await it.until(50)) delivery.settle();
        assert.deepEqual(texts(it), numbers(0, 50));
        assert.equal(it.deliveries[7]?.raw.topic, 't/7');
        await quiet();
        await owesNothing();
      });

    it_('hands out QoS 0 messages too', async () => {
      const it = await start();
      await publishAll(['a', 'b'], 0);
      for (const delivery of await it.until(2)) delivery.settle();
      assert.deepEqual(texts(it), ['a', 'b']);
      assert.equal(it.deliveries[0]?.raw.receipt, undefined);
    });

    it_('keeps bytes as they are', async bench => {
      const it = await start();
      const bytes = Buffer.from([0, 255, 10, 13, 128]);
      await bench.publish('t/bytes', bytes, 1);
      await bench.publish('t/empty', '', 1);
      await it.until(2);
      assert.deepEqual(Buffer.from(it.deliveries[0]!.raw.bytes), bytes);
      assert.equal(it.deliveries[1]?.raw.bytes.length, 0);
    });

    it_('acknowledges in order of receipt when settled out of order', async () => {
      const it = await start();
      await publishAll(numbers(0, 6));
      await it.until(6);
      for (const at of [4, 2, 0, 0]) it.deliveries[at]?.settle();
      await quiet();
      const again = await restart();
      await again.until(5);
      assert.deepEqual(texts(again), numbers(1, 6));
    });

    it_('keeps a message that settled with a failure', async () => {
      const it = await start();
      await publishAll(['a']);
      await it.until(1);
      it.deliveries[0]?.settle({ ok: false, kind: 'outage', reason: 'away' });
      const again = await restart();
      await again.until(1);
      assert.deepEqual(texts(again), ['a']);
      assert.equal(it.deliveries.length, 1);
    });

    it_('hands out nothing between pause and resume', async () => {
      const it = await start();
      it.pause();
      await publishAll(numbers(0, 5));
      await quiet();
      assert.deepEqual(texts(it), []);
      it.resume();
      await it.until(5);
      assert.deepEqual(texts(it), numbers(0, 5));
    });

    it_('hands out again, marked, what had not settled when it closed', async bench => {
      const it = await start();
      await publishAll(numbers(0, 3));
      await it.until(3);
      it.deliveries[0]?.settle();
      await quiet();
      const again = await restart();
      await again.until(2);
      assert.deepEqual(texts(again), ['1', '2']);
      const [before, after] = [it.deliveries[1]!.raw, again.deliveries[0]!.raw];
      if (bench.remembersReceipt) assert.equal(after.receivedAt, before.receivedAt);
      else assert.deepEqual(after.receipt, { key: before.receipt?.key, redelivered: true });
      it.deliveries[1]?.settle();
      await quiet();
      const third = await restart();
      await third.until(2);
      assert.deepEqual(texts(third), ['1', '2'], 'a settle after the close acknowledges nothing');
    });

    it_('keeps what is published while it is closed', async () => {
      await start();
      await tap?.close();
      await publishAll(numbers(0, 20));
      const again = await start();
      await again.until(20);
      assert.deepEqual(texts(again), numbers(0, 20));
    });

    it_('never has more out than its window', async () => {
      const full: boolean[] = [];
      const it = await start({ window: 10, onWindow: now => full.push(now) });
      await publishAll(numbers(0, 60));
      await it.until(10);
      await quiet();
      assert.equal(it.deliveries.length, 10);
      assert.deepEqual(full, [true]);
      for (let settled = 0; settled < 60; settled++) {
        await it.until(settled + 1);
        assert.ok(it.deliveries.length - settled <= 10, `${it.deliveries.length - settled} out`);
        it.deliveries[settled]?.settle();
      }
      assert.deepEqual(texts(it), numbers(0, 60));
    });

    it_('never has more bytes out than it may, whatever the window', async () => {
      const it = await start({ window: 1000 });
      const large = 'x'.repeat(1_000_000);
      for (let at = 0; at < 40; at++) await bench?.publish('t/large', large, 1);
      await it.until(34);
      await quiet();
      assert.equal(it.deliveries.length, 34, 'the last one begins below 32 MiB');
      for (const delivery of it.deliveries.slice()) delivery.settle();
      for (const delivery of await it.until(40)) delivery.settle();
      await quiet();
      await owesNothing();
    });

    it_('hands out a batch again when a batch has settled', async () => {
      const it = await start({ window: 10 });
      await publishAll(numbers(0, 30));
      await it.until(10);
      await quiet();
      for (const delivery of it.deliveries.slice(0, 10)) delivery.settle();
      await it.until(20);
      assert.deepEqual(texts(it).slice(0, 20), numbers(0, 20));
    });

    it_('may be settled within the call', async bench => {
      await start();
      await tap?.close();
      await publishAll(numbers(0, 20));
      const seen: string[] = [];
      await new Promise<void>(resolve => {
        const handle = bench.source({ window: 3 })((raw, settle) => {
          settle({ ok: true });
          seen.push(Buffer.from(raw.bytes).toString());
          if (seen.length === 20) void handle.close().then(resolve);
        });
      });
      assert.deepEqual(seen, numbers(0, 20));
      await owesNothing();
    });

    it_(
      'does not hand out again after a reconnect what is still out',
      async bench => {
        const it = await start();
        await publishAll(numbers(0, 5));
        await it.until(5);
        it.deliveries[1]?.settle();
        const before = it.states.filter(({ state }) => state === 'offline').length;
        await bench.cut?.();
        await it.told('offline', before + 1);
        it.deliveries[0]?.settle();
        await it.told('subscribed', 2);
        await publishAll(['5']);
        await it.until(6);
        it.deliveries[2]?.settle();
        await quiet();
        assert.deepEqual(texts(it), numbers(0, 6));
        const again = await restart();
        await again.until(3);
        assert.deepEqual(texts(again), ['3', '4', '5'], 'what settled on either side of the cut is acknowledged');
      },
      bench => bench.cut,
    );

    it_(
      'takes re-attached packets in a full window',
      async bench => {
        const it = await start({ window: 4 });
        await publishAll(numbers(0, 8), 2);
        await it.until(4);
        await bench.cut?.();
        await it.told('subscribed', 2);
        for (let at = 0; at < 8; at++) {
          await it.until(at + 1);
          it.deliveries[at]?.settle();
        }
        await quiet();
        assert.deepEqual(texts(it), numbers(0, 8));
        await owesNothing();
      },
      bench => bench.cut,
    );

    it_(
      'passes over a huge packet, says so, and goes on',
      async bench => {
        const it = await start({ maxPacketBytes: 2000 });
        await publishAll(['a']);
        await bench.publish('t/huge', Buffer.alloc(300_000, 'x'), 1);
        await publishAll(['b']);
        await it.until(2);
        assert.deepEqual(texts(it), ['a', 'b']);
        for (const delivery of it.deliveries) delivery.settle();
        await quiet();
        await owesNothing();
      },
      bench => bench.boundsPackets,
    );
  });
}
