// Tests of the outbox: order, what is full, what is old, kill -9, a damaged file and a second process.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fakeClock } from '../../kernel/clock.ts';
import { openOutbox } from './outbox.ts';
import { drain, noise, numbers, outboxPlace } from './outbox.fixture.ts';

describe('outbox', () => {
  const place = outboxPlace();

  it('gives rows back in order, as they were, over a restart', async () => {
    const clock = fakeClock();
    const rows = [{ a: 1, text: 'ä\n"' }, 'text', 3.5, null, [true, { deep: [1] }]];
    const first = await place.open({ clock });
    assert.deepEqual(await first.append(rows), ['kept', 'kept', 'kept', 'kept', 'kept']);
    clock.advance(5000);
    await Promise.all([first.append(['x']), first.append(['y']), first.append(['z'])]);
    assert.equal(first.state().rows, 8);
    const second = await place.open({ clock });
    const { rows: count, bytes, oldestMs, blocked, fault } = second.state();
    assert.deepEqual([count, oldestMs, blocked, fault], [8, 5000, false, undefined]);
    assert.ok(bytes > 100);
    assert.deepEqual(await drain(second), [...rows, 'x', 'y', 'z']);
    assert.deepEqual(second.state(), { ...second.state(), rows: 0, oldestMs: undefined });
    const third = await place.open({ clock });
    assert.deepEqual([third.state().rows, third.state().bytes, await third.next(1)], [0, 0, []]);
    assert.deepEqual(place.gone, []);
  });

  it('hands out about as many rows as are asked for, and again what is given back, in its place', async () => {
    const it = await place.open<number>();
    for (let at = 0; at < 10; at++) await it.append(numbers(at * 10, 10));
    const [first, second] = [await it.next(25), await it.next(5)];
    assert.deepEqual(
      first.flatMap(({ rows }) => rows),
      numbers(0, 20),
    );
    assert.deepEqual(
      second.flatMap(({ rows }) => rows),
      numbers(20, 10),
      'one batch at least',
    );
    it.giveBack(second);
    it.giveBack(first);
    assert.equal(it.state().rows, 100);
    assert.deepEqual(await drain(it, 30), numbers(0, 100));
  });

  it('hands out no more than about 16 MB at once, however small it lies on the disk', async () => {
    const it = await place.open<string>();
    const text = 'x'.repeat(6 << 20);
    for (let n = 0; n < 5; n++) await it.append([`${n} ${text}`]);
    assert.ok(it.state().bytes < 1 << 20);
    const counts: number[] = [];
    for (;;) {
      const batches = await it.next(1000);
      if (batches.length === 0) break;
      counts.push(batches.length);
      it.settle(batches);
    }
    assert.deepEqual(counts, [3, 2]);
  });

  it('keeps what was out and not settled over a restart', async () => {
    const first = await place.open<number>();
    await first.append([1]);
    await first.append([2]);
    first.settle(await first.next(1));
    await first.next(1);
    assert.deepEqual(await drain(await place.open<number>()), [2]);
  });

  it('refuses only the rows that JSON cannot hold', async () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    const it = await place.open();
    const keepings = await it.append([1, circle, 2, 3n, undefined, 4]);
    assert.deepEqual(
      keepings.map(one => (typeof one === 'object' ? 'rejected' : one)),
      ['kept', 'rejected', 'kept', 'rejected', 'rejected', 'kept'],
    );
    assert.deepEqual(await drain(it), [1, 2, 4]);
  });

  it('writes rows by a codec', async () => {
    const it = await place.open<Uint8Array>({
      codec: {
        toJson: bytes => Buffer.from(bytes).toString('base64'),
        fromJson: text => Buffer.from(String(text), 'base64'),
      },
    });
    await it.append([Buffer.from([0, 255])]);
    assert.deepEqual(await drain(it), [Buffer.from([0, 255])]);
  });

  it('refuses a row that is larger than the whole outbox, and keeps its neighbours', async () => {
    const it = await place.open<string>({ maxBytes: 5000 });
    const keepings = await it.append(['a', noise(20_000), 'b']);
    assert.equal(keepings[0], 'kept');
    assert.match((keepings[1] as { rejected: string }).rejected, /at most 5000 bytes, got 1\d{4}/);
    assert.deepEqual(await drain(it), ['a', 'b']);
  });

  describe('full', () => {
    const row = (n: number): string => `${n} ${noise(1000)}`;
    const number = (text: string): number => Number.parseInt(text, 10);
    // One row and what counts with it is about 980 bytes compressed: four fit.
    const maxBytes = 4500;

    it('block: waits until there is room, in order', async () => {
      const it = await place.open<string>({ maxBytes, full: 'block' });
      const done: number[] = [];
      const appends = numbers(0, 8).map(n => it.append([row(n)]).then(([keeping]) => done.push(n) && keeping));
      const waitsForRoom = async (): Promise<void> => {
        while (!it.state().blocked) await new Promise(resolve => setImmediate(resolve));
      };
      await waitsForRoom();
      const before = done.length;
      assert.ok(before >= 3 && before < 8, `${before} were kept`);
      const rows: string[] = [];
      while (rows.length < 8) {
        const batches = await it.next(1);
        rows.push(...batches.flatMap(batch => batch.rows));
        it.settle(batches);
        await new Promise(resolve => setImmediate(resolve));
      }
      assert.deepEqual(new Set(await Promise.all(appends)), new Set(['kept']));
      assert.deepEqual([rows.map(number), done, place.gone], [numbers(0, 8), numbers(0, 8), []]);
    });

    it('drop-newest: what comes is dropped and counted', async () => {
      const it = await place.open<string>({ maxBytes, full: 'drop-newest' });
      const keepings = [];
      for (const n of numbers(0, 8)) keepings.push(...(await it.append([row(n)])));
      const kept = keepings.filter(one => one === 'kept').length;
      assert.deepEqual(
        keepings,
        numbers(0, 8).map(n => (n < kept ? 'kept' : 'dropped')),
      );
      assert.deepEqual((await drain(it)).map(number), numbers(0, kept));
      assert.equal(
        place.gone.reduce((sum, { rows }) => sum + rows, 0),
        8 - kept,
      );
      assert.ok(place.gone.every(({ why }) => why === 'full'));
    });

    it('drop-oldest: what is oldest makes room and is counted', async () => {
      const it = await place.open<string>({ maxBytes, full: 'drop-oldest' });
      for (const n of numbers(0, 8)) assert.deepEqual(await it.append([row(n)]), ['kept']);
      const { rows } = it.state();
      assert.ok(rows >= 3 && rows < 8);
      assert.deepEqual((await drain(it)).map(number), numbers(8 - rows, rows));
      assert.equal(
        place.gone.reduce((sum, one) => sum + one.rows, 0),
        8 - rows,
      );
    });

    it('drop-oldest: waits for what is out, which may arrive after all', async () => {
      const it = await place.open<string>({ maxBytes, full: 'drop-oldest' });
      let rows = 0;
      while (place.gone.length === 0) await it.append([row(rows++)]);
      const dropped = place.gone.splice(0).reduce((sum, one) => sum + one.rows, 0);
      // It makes room for more than one.
      await it.append([row(rows++)]);
      const out = await it.next(1);
      let kept = false;
      const appended = it.append([row(rows++)]).then(() => {
        kept = true;
      });
      // As long as several commits take.
      for (const until = Date.now() + 100; Date.now() < until; ) it.giveBack([...(await it.next(1))]);
      assert.equal(kept, false);
      it.settle(out);
      await appended;
      assert.deepEqual(place.gone, [], 'what has arrived has made the room');
      assert.deepEqual((await drain(it)).map(number), numbers(dropped + 1, rows - dropped - 1));
    });
  });

  it('refuses a second user of the file, in this process and in another', async () => {
    await place.open();
    await assert.rejects(openOutbox(place.file), { code: 'FIELDLINE_DIR', kind: 'outage' });
    const child = fork(new URL('../../../test/support/outbox-killed.ts', import.meta.url), [place.file], {
      stdio: 'ignore',
    });
    const [code] = await once(child, 'exit');
    assert.equal(code, 1);
  });

  it('loses nothing that was acknowledged when its process is killed', async () => {
    const child = fork(new URL('../../../test/support/outbox-killed.ts', import.meta.url), [place.file], {
      stdio: 'ignore',
    });
    let last = -1;
    child.on('message', row => {
      last = Math.max(last, Number(row));
      if (last > 3000) child.kill('SIGKILL');
    });
    await once(child, 'exit');
    const it = await place.open<number>();
    const { rows } = it.state();
    assert.ok(rows > last, `${rows} rows lie there, ${last + 1} were acknowledged`);
    assert.deepEqual(await drain(it), numbers(0, rows));
    assert.deepEqual(place.gone, []);
  });
});
