// Tests of the journal: order, readers, bounds, and its end.
import assert from 'node:assert/strict';
import { bytes, journalPlace, text } from './journal.fixture.ts';

describe('journal', () => {
  const place = journalPlace();

  it('hands out what was appended, in order, from a cursor, until it is acknowledged', async () => {
    const it = await place.open();
    const seqs = await Promise.all(['a', 'b', 'c'].map(value => it.append(`m${value}`, bytes(value), ['link'])));
    assert.deepEqual(
      seqs,
      [...seqs].sort((a, b) => a - b),
    );
    assert.deepEqual(
      (await it.read('link', 0)).map(row => row.meta + text(row.blob)),
      ['maa', 'mbb', 'mcc'],
    );
    assert.deepEqual(
      (await it.read('link', seqs[0]!)).map(row => text(row.blob)),
      ['b', 'c'],
    );
    it.ack('link', [seqs[1]!]);
    assert.deepEqual(
      (await it.read('link', 0)).map(row => text(row.blob)),
      ['a', 'c'],
    );
    assert.deepEqual(await it.read('nobody', 0), []);
  });

  it('gathers for a moment only where several append at once', async () => {
    const it = await place.open();
    // The gathering is a timer below the one of acknowledgements.
    const delays: number[] = [];
    const { setTimeout } = globalThis;
    globalThis.setTimeout = ((run: () => void, ms = 0) => {
      if (ms > 0 && ms < 20) delays.push(ms);
      return setTimeout(run, ms);
    }) as typeof setTimeout;
    const appended = async (...together: string[]): Promise<number> => {
      delays.length = 0;
      await Promise.all(together.map(value => it.append('', bytes(value), ['link'])));
      return delays.length;
    };
    try {
      assert.equal(await appended('a'), 0);
      assert.equal(await appended('b'), 0);
      assert.equal(await appended('c', 'd'), 0, 'was alone before');
      assert.equal(await appended('e', 'f'), 1, 'had company before');
      assert.equal(await appended('g'), 1, 'had company before');
      assert.equal(await appended('h'), 0, 'alone again');
    } finally {
      globalThis.setTimeout = setTimeout;
    }
    assert.equal((await it.read('link', 0)).map(row => text(row.blob)).join(''), 'abcdefgh');
  });

  it('limits a page by entries and by bytes, and gives one entry at least', async () => {
    const it = await place.open();
    for (const value of ['aaaa', 'bbbb', 'cccc']) await it.append('', bytes(value), ['link']);
    assert.equal((await it.read('link', 0, { entries: 2 })).length, 2);
    assert.equal((await it.read('link', 0, { bytes: 1 })).length, 1);
    assert.equal((await it.read('link', 0, { bytes: 5 })).length, 2);
  });

  it('deletes an entry when the last of its readers has acknowledged or was dropped', async () => {
    const it = await place.open();
    const seq = await it.append('', bytes('x'), ['a', 'b', 'c', 'a']);
    it.ack('a', [seq]);
    it.ack('a', [seq]);
    it.ack('b', [seq, 999]);
    await it.note('flush', '1');
    assert.equal(it.state().entries, 1);
    assert.deepEqual(await it.read('a', 0), []);
    it.dropReader('c');
    await it.note('flush', '2');
    assert.deepEqual(it.state(), { bytes: 0, entries: 0, waiting: 0, fault: undefined });
    assert.deepEqual([...it.readers].sort(), ['a', 'b']);
  });

  it('takes out what was acknowledged and nothing else, in whatever order, twice, and mixed with the entries of others', async () => {
    let it = await place.open();
    const pending = { a: new Set<number>(), b: new Set<number>() };
    const appended = Array.from({ length: 90 }, async (_, n) => {
      const readers = n % 9 === 4 ? (['a', 'b'] as const) : n % 30 < 20 ? (['a'] as const) : (['b'] as const);
      const seq = await it.append('m', bytes(`${n}`), readers);
      for (const reader of readers) pending[reader].add(seq);
    });
    await Promise.all(appended);
    const first = Math.min(...pending.a);
    const acknowledge = (reader: 'a' | 'b', places: readonly number[]): void => {
      const seqs = places.map(place => first + place);
      it.ack(reader, seqs);
      for (const seq of seqs) pending[reader].delete(seq);
    };
    const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);
    const check = async (): Promise<void> => {
      await it.close();
      it = await place.open();
      for (const reader of ['a', 'b'] as const)
        assert.deepEqual(
          (await it.read(reader, 0)).map(({ seq }) => seq),
          [...pending[reader]].sort((x, y) => x - y),
        );
      assert.equal(it.state().entries, new Set([...pending.a, ...pending.b]).size);
    };
    acknowledge('a', [...range(5, 15).reverse(), 7, 7, ...range(0, 3)]);
    acknowledge('b', range(10, 24));
    acknowledge('a', range(0, 8));
    await check();
    acknowledge('b', [...range(0, 14), 31, 89, 40]);
    acknowledge('a', [...range(18, 45), ...range(60, 62)]);
    await check();
    acknowledge('a', range(0, 90));
    acknowledge('b', range(0, 90));
    await check();
    assert.equal(it.state().bytes, 0);
  });

  it('tells a reader of new entries, and no other', async () => {
    const it = await place.open();
    const heard: string[] = [];
    it.onEntries('a', () => heard.push('a'));
    const stop = it.onEntries('b', () => heard.push('b'));
    await it.append('', bytes('x'), ['a']);
    assert.deepEqual(heard, ['a']);
    stop();
    await it.append('', bytes('x'), ['a', 'b']);
    assert.deepEqual(heard, ['a', 'a']);
  });

  it('lets appends wait in order while it is full, and refuses a blob that can never fit', async () => {
    const it = await place.open(1000);
    const big = new Uint8Array(600);
    const seq = await it.append('', big, ['a']);
    const done: string[] = [];
    const second = it.append('', big, ['a']).then(() => done.push('big'));
    const third = it.append('', new Uint8Array(1), ['a']).then(() => done.push('small'));
    await it.note('flush', '1');
    assert.deepEqual(done, [], 'the small one does not overtake');
    assert.equal(it.state().waiting, 2);
    it.ack('a', [seq]);
    await Promise.all([second, third]);
    assert.deepEqual(done, ['big', 'small']);
    await assert.rejects(it.append('', new Uint8Array(2000), ['a']), { code: 'FIELDLINE_MESSAGE', kind: 'data' });
  });

  it('refuses what waits when it closes, and everything afterwards', async () => {
    const it = await place.open(1000);
    await it.append('', new Uint8Array(800), ['a']);
    const waits = assert.rejects(it.append('', new Uint8Array(800), ['a']), { kind: 'outage' });
    await Promise.all([it.close(), it.close(), waits]);
    await assert.rejects(it.append('', bytes('x'), ['a']), { kind: 'outage' });
    await assert.rejects(it.read('a', 0), { kind: 'outage' });
    it.ack('a', [1]);
  });
});
