// Commands to a device, as messages say them.
import assert from 'node:assert/strict';
import { type GattCommand, gattCommandOf } from './gatt-commands.ts';

const place = { service: 's', characteristic: 'c', commands: 'w' };
const write = (bytes: number[], more: object = {}): GattCommand => ({
  command: 'write',
  service: 's',
  characteristic: 'w',
  bytes: Uint8Array.from(bytes),
  withResponse: true,
  ...more,
});

describe('commands to a device', () => {
  const cases: [name: string, message: { topic?: unknown; payload?: unknown }, expected: GattCommand | RegExp][] = [
    ['a word', { payload: 'measure' }, { command: 'measure' }],
    ['a topic', { topic: 'measure', payload: 1_700_000_000_000 }, { command: 'measure' }],
    ['an object', { topic: 'x', payload: { command: 'measure' } }, { command: 'measure' }],
    ['a read', { payload: 'read' }, { command: 'read', service: 's', characteristic: 'c' }],
    ['a read by topic', { topic: 'read', payload: '2a19' }, { command: 'read', service: 's', characteristic: '2a19' }],
    [
      'a whole read',
      { payload: { command: 'read', service: '180f', characteristic: '2a19' } },
      { command: 'read', service: '180f', characteristic: '2a19' },
    ],
    ['hex by topic', { topic: 'write', payload: 'c0 40 00 ee' }, write([0xc0, 0x40, 0, 0xee])],
    ['a buffer by topic', { topic: 'write', payload: Buffer.of(1, 2) }, write([1, 2])],
    ['numbers', { payload: { command: 'write', value: [0, 255] } }, write([0, 255])],
    [
      'a whole write',
      { payload: { command: 'write', value: '01', service: 'x', characteristic: 'y', response: false } },
      write([1], { service: 'x', characteristic: 'y', withResponse: false }),
    ],
    ['a write of nothing', { payload: 'write' }, /write: expected 1 to 512 bytes/],
    ['a write of no hex', { topic: 'write', payload: 'xyz' }, /write: expected .* got "xyz"/],
    ['numbers that are no bytes', { payload: { command: 'write', value: [256] } }, /write: expected/],
    ['numbers below nothing', { payload: { command: 'write', value: [-1] } }, /write: expected/],
    ['too much', { topic: 'write', payload: Buffer.alloc(513) }, /write: expected/],
    ['another word', { payload: { command: 'erase' } }, /command: expected measure, read, write, got "erase"/],
    ['nothing', {}, /command: expected measure, read, write, got nothing/],
    ['a list', { payload: [] }, /command: expected/],
  ];
  for (const [name, message, wanted] of cases)
    it(`takes ${name}`, () => {
      const got = gattCommandOf(message, place);
      if (wanted instanceof RegExp) assert.ok('rejected' in got && wanted.test(got.rejected), JSON.stringify(got));
      else assert.deepEqual('bytes' in got ? { ...got, bytes: Uint8Array.from(got.bytes) } : got, wanted);
    });
});
