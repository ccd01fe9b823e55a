// H4: packets cut anywhere, framing that is lost.
import assert from 'node:assert/strict';
import { h4Reader } from './h4.ts';

const packets = ['040e0401030c00', '0240000700030004000a0300', '01030c00', '0500000100aa', '030100 02aabb'].map(hex =>
  Buffer.from(hex.replaceAll(' ', ''), 'hex'),
);
const stream = Buffer.concat(packets);

describe('H4 reader', () => {
  for (let size = 1; size <= stream.length; size++)
    it(`finds every packet in pieces of ${size} bytes`, () => {
      const found: string[] = [];
      const read = h4Reader(packet => found.push(packet.toString('hex')));
      for (let at = 0; at < stream.length; at += size) assert.equal(read(stream.subarray(at, at + size)), true);
      assert.deepEqual(
        found,
        packets.map(packet => packet.toString('hex')),
      );
    });

  it('gives copies: what comes later does not change them', () => {
    const found: Buffer[] = [];
    const read = h4Reader(packet => found.push(packet));
    const bytes = Buffer.from('040e0401030c00', 'hex');
    read(bytes);
    bytes.fill(0xff);
    assert.equal(found[0]?.toString('hex'), '040e0401030c00');
  });

  for (const byte of [0x00, 0x06, 0x7f, 0xff])
    it(`loses the framing on 0x${byte.toString(16)}, after the packets before it`, () => {
      const found: Buffer[] = [];
      const read = h4Reader(packet => found.push(packet));
      assert.equal(read(Buffer.concat([packets[0]!, Buffer.of(byte)])), false);
      assert.equal(found.length, 1);
    });
});
