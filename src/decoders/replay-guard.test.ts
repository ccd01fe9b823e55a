// The replay guard: rising, falling, late, wrapped and restarted counters, and a bound on what it remembers.
import assert from 'node:assert/strict';
import type { Reading } from '../reading/reading.ts';
import { advertsOf } from './advert-members.ts';
import type { Refusal } from './members.ts';
import { registryOf, shippedDecoders } from './registry.ts';
import { replayGuard } from './replay-guard.ts';

type Frame = [value: number, heardAt: number];
const at = (ms: number) => ({ at: ms, receivedAt: ms });

describe('replay guard', () => {
  const cases: [name: string, bits: 16 | 32, frames: Frame[], replayed: boolean][] = [
    [
      'a rising counter',
      32,
      [
        [500, 0],
        [501, 1],
      ],
      false,
    ],
    [
      'the same frame of another scanner',
      32,
      [
        [500, 0],
        [500, 9],
      ],
      false,
    ],
    [
      'a lower counter heard later',
      32,
      [
        [500, 0],
        [499, 1],
      ],
      true,
    ],
    [
      'a lower counter heard before',
      32,
      [
        [500, 5],
        [499, 4],
      ],
      false,
    ],
    [
      'a counter that starts again',
      32,
      [
        [500, 0],
        [3, 1],
      ],
      false,
    ],
    [
      'an old frame after the new start',
      32,
      [
        [500, 0],
        [3, 1],
        [2, 2],
        [500, 3],
        [499, 4],
      ],
      true,
    ],
    [
      '16 bits that wrap',
      16,
      [
        [0xfffe, 0],
        [1, 1],
      ],
      false,
    ],
    [
      '16 bits that fall back',
      16,
      [
        [0x200, 0],
        [0x1ff, 1],
      ],
      true,
    ],
    [
      '16 bits after a long silence',
      16,
      [
        [0x200, 0],
        [0x1ff, 3_600_000],
      ],
      false,
    ],
  ];
  for (const [name, bits, frames, replayed] of cases)
    it(name, () => {
      const guard = replayGuard();
      const told = frames.map(([value, heardAt]) => guard.isReplayed('a', { value, bits }, at(heardAt)));
      assert.equal(told.at(-1), replayed);
    });

  it('lets frames pass of a scanner whose clock is ahead or behind', () => {
    for (const ahead of [5, -5]) {
      const guard = replayGuard();
      const heard = (value: number, receivedAt: number, off: number) =>
        ({ value, at: receivedAt + off, receivedAt }) as const;
      // In the order of the archive, which goes by what the scanners say.
      const frames = [500, 501, 502].flatMap(value => [heard(value, value * 2, 0), heard(value, value * 2, ahead)]);
      for (const { value, ...when } of frames.sort((a, b) => a.at - b.at))
        assert.equal(guard.isReplayed('a', { value, bits: 32 }, when), false, `${ahead}: ${value}`);
    }
  });

  it('goes through the past of each replay anew, and knows what is live meanwhile', () => {
    const guard = replayGuard();
    const past: readonly Frame[] = [
      [500, 0],
      [499, 1],
      [501, 2],
    ];
    guard.isReplayed('a', { value: 600, bits: 32 }, at(9));
    for (const entry of ['replay/1', 'replay/2'])
      assert.deepEqual(
        past.map(([value, ms]) => guard.isReplayed('a', { value, bits: 32 }, { ...at(ms), entry })),
        [false, true, false],
      );
    assert.equal(guard.isReplayed('a', { value: 599, bits: 32 }, at(10)), true);
  });

  it('keeps devices apart and forgets the one silent for longest', () => {
    const guard = replayGuard(2);
    for (const device of ['a', 'b', 'a', 'c'])
      guard.isReplayed(device, { value: device === 'a' ? 600 : 500, bits: 32 }, at(0));
    assert.equal(guard.isReplayed('b', { value: 400, bits: 32 }, at(1)), false);
    assert.equal(guard.isReplayed('c', { value: 400, bits: 32 }, at(1)), true);
  });

  it('refuses an advert with a reason, in the node only', async () => {
    const registry = registryOf((await shippedDecoders()).map(({ decoder }) => decoder));
    const advert = (frame: string, timestamp: string): unknown => ({
      address: 'A4:C1:38:05:8E:E9',
      bindkey: '7475a4a77584401780ffc3ee62dd353c',
      service_data: { fe95: frame },
      timestamp,
    });
    const newer = advert('5859eb2ac1e98e0538c1a40759530f8d380000b77a70f8', '2026-01-01T00:00:00.000Z');
    const older = advert('5859eb2a9ee98e0538c1a4d07ad3e338000033635d10', '2026-01-01T00:00:01.000Z');
    const context = { registry, now: Date.parse('2026-01-01T00:00:02.000Z') };
    const isReading = (answer: Reading | Refusal | undefined): boolean => answer !== undefined && 'telemetry' in answer;
    const guard = replayGuard();
    const guarded = [newer, older].map(one => advertsOf(one, { ...context, guard })[0]);
    assert.deepEqual(guarded.map(isReading), [true, false]);
    assert.equal(guarded[1] && 'reason' in guarded[1] && guarded[1].label, 'replayed');
    assert.deepEqual(
      [newer, older].map(one => isReading(advertsOf(one, context)[0])),
      [true, true],
    );
  });
});
