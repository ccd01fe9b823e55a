// Frames of the older MT protocol: the sync container of GLM 100 C and PLR, alone and in its frames.
import assert from 'node:assert/strict';
import { toHex } from '../../kernel/bytes.ts';
import type { Reading } from '../../reading/reading.ts';
import { laserReading } from './frame.ts';
import { mtCrc, mtFrameOf, mtRequest } from './mt-frame.ts';

const read = (bytes: Uint8Array): Reading | { rejected: string } => laserReading({ bytes, receivedAt: 0 });

function sealed(frame: Uint8Array): Uint8Array {
  frame[frame.length - 1] = mtCrc(frame.subarray(0, -1));
  return frame;
}

describe('MT frames', () => {
  it('are written and read', () => {
    const frame = mtRequest(0x55, 0x01, 0x00);
    assert.equal(toHex(frame), 'c0550201001a');
    assert.deepEqual(mtFrameOf(frame), { command: 0x55, status: 0, payload: Uint8Array.of(1, 0) });
    assert.deepEqual(mtFrameOf(sealed(Uint8Array.of(4, 0, 0))), { status: 4, payload: new Uint8Array() });
    for (const length of [0, 1, 2, 5]) assert.equal(mtFrameOf(frame.subarray(0, length)), undefined);
  });
});

describe('GLM 100 container', () => {
  type Container = { mode?: number; result?: number; angle?: number; state?: number; charge?: number };
  function container({ mode = 1, result = 2.45, angle = 0, state = 1, charge = 80 }: Container): Uint8Array {
    const bytes = new Uint8Array(33);
    const view = new DataView(bytes.buffer);
    bytes.set([mode, 0x42, charge, 21]);
    view.setFloat32(4, 1.5, true);
    view.setFloat32(16, result, true);
    view.setFloat32(20, angle, true);
    bytes[28] = state;
    bytes[29] = 7;
    return bytes;
  }
  const containers: [frame: Container, telemetry: Record<string, number> | RegExp][] = [
    [{}, { value_mm: 2450 }],
    [{ mode: 2, result: 12.5 }, { area_m2: 12.5 }],
    [{ mode: 3, result: 31.25 }, { volume_m3: 31.25 }],
    [{ mode: 4, result: 0, angle: -12.25 }, { angle_deg: -12.25 }],
    [{ mode: 4, result: 8.5, angle: 8.5 }, { angle_deg: 8.5 }],
    [{ mode: 10, result: 3 }, { area_m2: 3 }],
    [{ mode: 0x21, result: 3 }, { value_mm: 3000 }],
    [{ mode: 0 }, /status message \(mode 0\)/],
    [{ mode: 13 }, /status message/],
    [{ mode: 5 }, /mode 5 is not known/],
    [{ state: 3 }, /the meter reports error 1/],
    [{ result: Number.NaN }, /not a number/],
    [{ result: 0 }, /not above 0/],
    [{ result: 301 }, /more than 300 m/],
    [{ mode: 2, result: Number.POSITIVE_INFINITY }, /not a number/],
  ];
  const framed: [name: string, frame: (bytes: Uint8Array) => Uint8Array][] = [
    ['alone', bytes => bytes],
    ['with its CRC', bytes => sealed(Uint8Array.of(...bytes, 0))],
    ['as a response', bytes => sealed(Uint8Array.of(0, 33, ...bytes, 0))],
    ['as a request of the meter', bytes => sealed(Uint8Array.of(0xc0, 0x50, 33, ...bytes, 0))],
  ];
  for (const [name, frame] of framed)
    for (const [given, expected] of containers)
      it(`reads the sync container ${name}: ${JSON.stringify(given)}`, () => {
        const reading = read(frame(container(given)));
        if (expected instanceof RegExp)
          return assert.ok('rejected' in reading && expected.test(reading.rejected), JSON.stringify(reading));
        assert.ok(!('rejected' in reading), JSON.stringify(reading));
        assert.deepEqual(reading.telemetry, expected);
        const { laserOn, batteryLevel, displayUnits, referenceEdge, listIndex, components } = reading.metadata;
        assert.deepEqual([laserOn, batteryLevel, displayUnits, referenceEdge], [true, 80, 'imperial', 2]);
        assert.deepEqual([listIndex, components], [7, [1.5, 0, 0]]);
      });

  it('never takes a framed container with one wrong bit for a measurement', () => {
    const frame = sealed(Uint8Array.of(0xc0, 0x50, 33, ...container({}), 0));
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const damaged = Uint8Array.from(frame);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      assert.ok('rejected' in read(damaged), toHex(damaged));
    }
  });
});
