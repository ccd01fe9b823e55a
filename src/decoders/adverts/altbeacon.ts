// AltBeacon of any maker: 24 bytes in the manufacturer data of its own company, begun by 0xBEAC; identified, without values.
import { toHex } from '../../kernel/bytes.ts';
import type { Advert } from '../../reading/advert.ts';
import { defineDecoder } from '../define.ts';
import { viewOf } from './shared/numbers.ts';

const LENGTH = 24;

function frameOf(advert: Advert): Uint8Array | undefined {
  for (const frame of advert.manufacturerData.values())
    if (frame.length === LENGTH && frame[0] === 0xbe && frame[1] === 0xac) return frame;
  return undefined;
}

export const decoder = defineDecoder({
  name: 'altbeacon',
  vendor: 'Several',
  models: ['AltBeacon'],
  source: 'https://github.com/AltBeacon/spec',
  generic: true,
  matches: advert => frameOf(advert) !== undefined,
  decode(advert) {
    const frame = frameOf(advert);
    if (frame === undefined) return { rejected: `AltBeacon: expected ${LENGTH} bytes` };
    const view = viewOf(frame);
    const beacon = {
      uuid: toHex(frame.subarray(2, 18)),
      major: view.getUint16(18),
      minor: view.getUint16(20),
      power: view.getInt8(22),
    };
    return { telemetry: {}, deviceModel: 'AltBeacon', metadata: { beacon } };
  },
  examples: [
    {
      name: 'of a maker without decoder',
      advert: { manufacturer_data: { '0118': 'beac' + '00112233445566778899aabbccddeeff' + '00030004' + 'c500' } },
      gives: {},
    },
  ],
});
