// Govee buttons, motion, door, vibration and presence sensors: a frame scrambled with the time it carries, and a plain one.
import { createDecipheriv } from 'node:crypto';
import type { Value } from '../../reading/reading.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { goveeFrame, type Layout } from './govee/frame.ts';
import { viewOf } from './shared/numbers.ts';

type Values = Record<string, Value>;
type Kind = { model: string; values(state: number): Values };

const button = (state: number): Values => ({ [`button_${state}`]: 'press' });
const event =
  (metric: string) =>
  (state: number): Values =>
    state === 1 ? { [metric]: metric } : {};
const seat = (state: number): Values => (state === 16 ? { button_0: 'press' } : { presence: state === 1 });

/** By the model number in the frame. */
const kinds: ReadonlyMap<number, Kind> = new Map<number, Kind>([
  [2, { model: '5123', values: state => ({ window: state === 2 }) }],
  [3, { model: '5121', values: event('motion') }],
  [8, { model: '5122', values: button }],
  [9, { model: '5124', values: event('vibration') }],
  [10, { model: '5125', values: button }],
  [11, { model: '5126', values: button }],
  [13, { model: '5130', values: seat }],
]);

/** Bytes 2 to 5: time, the key; 6 to 21: scrambled block; 22 and 23: checksum of that block. */
function scrambled(frame: Uint8Array, name: string | undefined): Decoded {
  const block = frame.subarray(6, 22);
  if (crc16(block) !== viewOf(frame).getUint16(22)) return { rejected: 'Govee: wrong checksum' };
  const key = new Uint8Array(16);
  key.set(frame.subarray(2, 6));
  const decipher = createDecipheriv('aes-128-ecb', key.reverse(), null).setAutoPadding(false);
  const plain = decipher.update(block.slice().reverse()).reverse();
  const named = /GV(51\d\d)/.exec(name ?? '')?.[1];
  const kind = [...kinds.values()].find(({ model }) => model === named) ?? kinds.get(plain[2]!);
  if (kind === undefined) return { telemetry: {}, quality: { payload: `unknown model ${plain[2]}` } };
  return { telemetry: { battery: plain[4]!, ...kind.values(plain[5]!) }, deviceModel: `Govee H${kind.model}` };
}

/** CRC-16, polynomial 0x1021, initial 0x1D0F, most significant bit first. */
function crc16(bytes: Uint8Array): number {
  let crc = 0x1d0f;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

function presence(frame: Uint8Array): Decoded {
  if (frame[0] !== 0xec) return { rejected: 'Govee H5127: expected ec as first byte' };
  return { telemetry: { occupancy: frame[4] === 1, motion: frame[5] === 17 }, deviceModel: 'Govee H5127' };
}

const layouts: readonly Layout<typeof scrambled>[] = [
  { model: '5121', length: 24, name: /GV51(?:2[1-6]|30)/, companies: ['ef88'], decode: scrambled },
  { model: '5127', length: 6, name: /H5127/, companies: ['8803', '8843'], decode: presence },
];

const origin = 'Bluetooth-Devices/govee-ble tests/test_parser.py (MIT)';

export const decoder = defineDecoder({
  name: 'govee-events',
  vendor: 'Govee',
  models: ['H5121', 'H5122', 'H5123', 'H5124', 'H5125', 'H5126', 'H5127', 'H5130'],
  source: 'https://github.com/Bluetooth-Devices/govee-ble',
  matches: advert => goveeFrame(advert, layouts) !== undefined,
  decode(advert) {
    const found = goveeFrame(advert, layouts);
    return found === undefined
      ? { rejected: 'Govee: no layout for this length' }
      : found.layout.decode(found.frame, advert.name);
  },
  examples: [
    {
      name: 'button',
      origin,
      advert: {
        name: 'GV51260F45',
        manufacturer_data: { ef88: '01c400016b98d35dcbbc1316c4c93f2bf92bec8659ce2040' },
      },
      gives: { battery: 100, button_1: 'press' },
    },
    {
      name: 'window open, without a name',
      origin,
      advert: { manufacturer_data: { ef88: '3dec0000de4377d55e55f991496e36bdc67f8b2c27067497' } },
      gives: { battery: 100, window: true },
    },
    {
      name: 'presence',
      origin,
      advert: {
        name: 'GV51307479',
        manufacturer_data: { ef88: '477500ae6750fa3447445146492085c27610ea02b3a0063f' },
      },
      gives: { battery: 100, presence: true },
    },
    {
      name: 'someone is there and moves',
      advert: { name: 'GVH5127ABCD', manufacturer_data: { '8803': 'ec0001010111' } },
      gives: { occupancy: true, motion: true },
    },
    {
      name: 'damaged',
      advert: { manufacturer_data: { ef88: '3dec0000de4377d55e55f991496e36bdc67f8b2c27067498' } },
      rejects: 'wrong checksum',
    },
  ],
});
