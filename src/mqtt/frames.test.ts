// Tests of MQTT framing: any cutting of the stream gives the same frames, lengths that lie are caught, large ones are skipped.
import assert from 'node:assert/strict';
import { generate, type Packet } from 'mqtt-packet';
import { frameGuard, frameHead, framer } from './frames.ts';

const publish = (topic: string, size: number, qos: 0 | 1 = 1): Buffer =>
  generate({ cmd: 'publish', topic, payload: Buffer.alloc(size, 'x'), qos, dup: false, retain: false, messageId: 7 });
const ping = generate({ cmd: 'pingreq' } as Packet);

describe('MQTT frames', () => {
  const heads: [name: string, hex: string, head: unknown][] = [
    ['nothing', '', undefined],
    ['a type alone', '30', undefined],
    ['an empty body', 'd000', { type: 13, flags: 0, headLength: 2, bodyLength: 0 }],
    ['127 bytes', '307f', { type: 3, flags: 0, headLength: 2, bodyLength: 127 }],
    ['128 bytes', '338001', { type: 3, flags: 3, headLength: 3, bodyLength: 128 }],
    ['half a length', '3080', undefined],
    ['the longest', '30ffffff7f', { type: 3, flags: 0, headLength: 5, bodyLength: 268435455 }],
    ['a length of five bytes', '30ffffffff01', 'malformed'],
  ];
  for (const [name, hex, head] of heads)
    it(`reads the head of ${name}`, () => assert.deepEqual(frameHead(Buffer.from(hex, 'hex'), 0), head));

  const stream = Buffer.concat([ping, publish('a', 10), publish('b', 300), ping, publish('c', 5000), ping]);
  const lengths = [2, publish('a', 10).length, publish('b', 300).length, 2, publish('c', 5000).length, 2];
  for (const step of [1, 2, 3, 7, 100, 4096, stream.length])
    it(`cuts frames out of chunks of ${step}`, () => {
      const cutter = framer(10_000);
      const guard = frameGuard(10_000);
      const frames: Buffer[] = [];
      for (let at = 0; at < stream.length; at += step) {
        const chunk = stream.subarray(at, at + step);
        assert.equal(guard(chunk), undefined);
        cutter.push(chunk);
        for (let frame = cutter.next(); frame; frame = cutter.next()) frames.push(frame.bytes);
      }
      assert.deepEqual(
        frames.map(frame => frame.length),
        lengths,
      );
      assert.deepEqual(Buffer.concat(frames), stream);
      assert.equal(cutter.held, 0);
    });

  for (const step of [1, 1000, 70_000, 400_000])
    it(`skips a large message without keeping it, in chunks of ${step}`, () => {
      const large = Buffer.concat([ping, publish('large/topic', 300_000), ping]);
      const cutter = framer(2000);
      const seen: (string | number)[] = [];
      let most = 0;
      for (let at = 0; at < large.length; at += step) {
        cutter.push(large.subarray(at, at + step));
        for (let frame = cutter.next(); frame; frame = cutter.next())
          seen.push(frame.tooLarge ? frame.bytes.toString('latin1', 6, 17) : frame.bytes.length);
        most = Math.max(most, cutter.held);
      }
      assert.deepEqual(seen, [2, 'large/topic', 2]);
      assert.ok(most <= 66_000 + step, `${most} bytes held`);
    });

  it('refuses another packet that is too large, and a length that is none', () => {
    const cutter = framer(100);
    cutter.push(Buffer.from('90ff7f', 'hex'));
    assert.throws(() => cutter.next(), /at most 100/);
    const other = framer(100);
    other.push(Buffer.from('30ffffffffff', 'hex'));
    assert.throws(() => other.next(), /more than four bytes/);
  });

  const faults: [name: string, chunks: Buffer[], fault: RegExp][] = [
    ['a large packet', [publish('a', 200)], /at most 100/],
    [
      'one that is announced byte by byte',
      [Buffer.from('30', 'hex'), Buffer.from('ff', 'hex'), Buffer.from('ffff7f', 'hex')],
      /at most 100/,
    ],
    ['one behind others', [Buffer.concat([ping, publish('a', 50), ping, publish('a', 200)])], /at most 100/],
    ['a length that is none', [Buffer.from('30ffffffff', 'hex')], /more than four bytes/],
  ];
  for (const [name, chunks, fault] of faults)
    it(`the guard catches ${name}`, () => {
      const guard = frameGuard(100);
      assert.match(chunks.map(guard).find(reason => reason !== undefined) ?? '', fault);
    });
});
