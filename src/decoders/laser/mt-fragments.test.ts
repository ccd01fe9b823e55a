// Messages of the older meters in pieces: put together, acknowledged, and never mixed up.
import assert from 'node:assert/strict';
import { toHex } from '../../kernel/bytes.ts';
import { mtFragments } from './mt-fragments.ts';
import { mtRequest } from './mt-frame.ts';

const long = mtRequest(0x50, ...Array.from({ length: 33 }, (_, at) => at));

describe('MT fragments', () => {
  it('carry a message of any length, piece by piece', () => {
    const [sender, receiver] = [mtFragments(), mtFragments()];
    for (const frame of [long, mtRequest(0x40), long]) {
      const pieces = sender.split(frame);
      const taken = pieces.map(piece => receiver.take(piece));
      assert.deepEqual(
        taken.map(({ reply }) => reply && toHex(reply)),
        pieces.map(piece => `ff${toHex(piece.subarray(0, 1))}00`),
      );
      assert.deepEqual(
        taken.map(({ frame: whole }) => whole && toHex(whole)),
        [...pieces.slice(1).map(() => undefined), toHex(frame)],
      );
    }
  });

  it('number their messages', () => {
    const { split } = mtFragments();
    const numbers = Array.from({ length: 16 }, () => split(long)[0]![0]! >> 4);
    assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0, 1]);
  });

  it('lose only the message that lost a piece', () => {
    const sender = mtFragments();
    const { take } = mtFragments();
    const [, second] = sender.split(long);
    const [cut] = [take(second!).frame];
    assert.notEqual(cut && toHex(cut), toHex(long));
    const frames = sender.split(long).map(piece => take(piece).frame);
    assert.equal(toHex(frames.at(-1)!), toHex(long));
  });

  it('take an answer that comes as it is, and a request for more', () => {
    const { take } = mtFragments();
    assert.deepEqual(take(Uint8Array.of(0xff, 0x10, 0)), {});
    const short = Buffer.from('0004130e000032', 'hex');
    assert.equal(toHex(take(short).frame!), '0004130e000032');
    assert.deepEqual(take(new Uint8Array()), { frame: new Uint8Array() });
  });

  it('stay bounded, whatever comes', () => {
    const { take } = mtFragments();
    for (let number = 0xfe; number > 0; number--) {
      const { frame } = take(new Uint8Array(20).fill(number));
      assert.ok((frame?.length ?? 0) <= 16 * 19);
    }
  });
});
