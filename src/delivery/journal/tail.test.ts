// The tail of a journal: gives exactly what the file would give, or says that the file must be asked.
import assert from 'node:assert/strict';
import { journalTail, type Tail } from './tail.ts';

const LIMIT = { entries: 100, bytes: 1000 };
const blob = new Uint8Array(10);
const seqs = (tail: Tail, reader: number, after: number, limit = LIMIT) =>
  tail.read(reader, after, limit)?.map(({ seq }) => seq);

describe('delivery: journal tail', () => {
  const filled = (maxBytes?: number): Tail => {
    const tail = journalTail(10, maxBytes);
    for (let seq = 11; seq <= 15; seq++) tail.push({ seq, meta: '', blob }, seq % 2 ? [1, 2] : [1]);
    return tail;
  };
  const table: [name: string, tail: Tail, reader: number, after: number, found: number[] | undefined][] = [
    ['all since it began', filled(), 1, 10, [11, 12, 13, 14, 15]],
    ['only what is for the reader', filled(), 2, 10, [11, 13, 15]],
    ['from the middle', filled(), 1, 13, [14, 15]],
    ['nothing new', filled(), 1, 15, []],
    ['a reader that nobody wrote for', filled(), 3, 10, []],
    ['what was there before: ask the file', filled(), 1, 9, undefined],
    ['after a restart of the reader: ask the file', filled(), 1, 0, undefined],
    ['what has left for want of room: ask the file', filled(30), 1, 11, undefined],
    ['what has not', filled(30), 1, 12, [13, 14, 15]],
  ];
  for (const [name, tail, reader, after, found] of table)
    it(name, () => assert.deepEqual(seqs(tail, reader, after), found));

  it('stops at the limits, with one entry at least', () => {
    assert.deepEqual(seqs(filled(), 1, 10, { entries: 2, bytes: 1000 }), [11, 12]);
    assert.deepEqual(seqs(filled(), 1, 10, { entries: 100, bytes: 15 }), [11, 12]);
    assert.deepEqual(seqs(filled(), 1, 10, { entries: 100, bytes: 1 }), [11]);
  });

  it('gives no entry again that the reader has acknowledged, and keeps it for the others', () => {
    const tail = filled();
    tail.ack(1, [11, 12, 99]);
    assert.deepEqual(seqs(tail, 1, 10), [13, 14, 15]);
    assert.deepEqual(seqs(tail, 2, 10), [11, 13, 15]);
    tail.drop(2);
    assert.deepEqual(seqs(tail, 2, 10), []);
    assert.deepEqual(seqs(tail, 1, 10), [13, 14, 15]);
  });

  it('makes room by what was acknowledged', () => {
    const tail = journalTail(0, 50);
    for (let seq = 1; seq <= 100; seq++) {
      tail.push({ seq, meta: '', blob }, [1]);
      tail.ack(1, [seq]);
    }
    assert.deepEqual(seqs(tail, 1, 0), []);
  });
});
