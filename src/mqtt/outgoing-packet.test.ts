// What a broker takes by its limit: a message as large as that to the byte, and none larger.
import assert from 'node:assert/strict';
import { faultOf, type Outgoing, packetOf } from './outgoing-packet.ts';

describe('packet of an outgoing message', () => {
  for (const version of [4, 5] as const)
    for (const qos of [0, 1] as const)
      for (const bytes of [0, 100, 115, 130, 16_370, 16_390, 2_097_140, 2_097_160])
        it(`is measured to the byte: MQTT ${version}, QoS ${qos}, ${bytes} bytes`, () => {
          const row: Outgoing = { topic: 'a/ü', payload: Buffer.alloc(bytes), qos, retain: false };
          const { length } = packetOf(row, qos === 0 ? undefined : 7, version);
          const allow = (packetBytes: number) => ({ open: 1, packetBytes, qos: 2, retain: true });
          assert.equal(faultOf(row, allow(length), version), undefined);
          assert.match(
            faultOf(row, allow(length - 1), version) ?? '',
            new RegExp(`at most ${length - 1} bytes.*got ${length}`),
          );
        });
});
