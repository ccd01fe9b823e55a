// Laser frames: real captures, every mode, every way to be wrong.
import assert from 'node:assert/strict';
import { crc8, fromHex, toHex } from '../../kernel/bytes.ts';
import type { Reading } from '../../reading/reading.ts';
import { type LaserKind, laserKinds } from './define.ts';
import { laserReading } from './frame.ts';

const receivedAt = Date.UTC(2026, 0, 1);

function read(bytes: Uint8Array, kind?: LaserKind): Reading | { rejected: string } {
  return laserReading({ bytes, receivedAt, ...(kind === undefined ? {} : { kind }) });
}

type Frame = { mode?: number; edge?: number; state?: number; result?: number; first?: number; second?: number };

/** A GLM frame with a right CRC. */
function glm({ mode = 1, edge = 2, state = 0, result = 2.45, first = 0, second = 0 }: Frame): Uint8Array {
  const frame = new Uint8Array(20);
  frame.set([0xc0, 0x55, 0x10, (mode << 2) | edge, state, 0x3c, 0x08]);
  const view = new DataView(frame.buffer);
  view.setFloat32(7, result, true);
  view.setFloat32(11, first, true);
  view.setFloat32(15, second, true);
  return sealed(frame);
}

function sealed(frame: Uint8Array): Uint8Array {
  frame[frame.length - 1] = crc8(frame.subarray(0, -1), 0xa6, 0xaa);
  return frame;
}

describe('laser frames', () => {
  // Values from display or log of the meters; the last one is made by the layout.
  const captures: [hex: string, millimetres: number, edge: number][] = [
    ['c0551006083c0815fbbf3f0000000000000000a0', 1499.85, 2],
    ['c0551004086f08da1bdc3f0000000000000000cc', 1719.6, 0],
    ['c0551006080208e09ce93f000000000000000006', 1825.1, 2],
    ['c055100608420831080040000000000000000068', 2000.5, 2],
    ['c055100600dc01cccc3c3f0000000000000000d2', 737.5, 2],
    ['c055100600de01bf7d253f000000000000000014', 646.45, 2],
    ['c0551006000001cdcc1c400000000000000000dc', 2450, 2],
  ];
  for (const [hex, millimetres, edge] of captures)
    it(`${hex} is ${millimetres} mm`, () => {
      const reading = read(fromHex(hex)!);
      assert.ok(!('rejected' in reading));
      assert.deepEqual(reading.telemetry, { value_mm: millimetres });
      assert.equal(reading.metadata['referenceEdge'], edge);
      assert.equal(reading.metadata.rawHex, hex);
      assert.equal(reading.metadata.parser, 'bosch-glm');
    });

  const modes: [mode: number, result: number, telemetry: Record<string, number> | RegExp][] = [
    [0, 1, /status message \(mode 0\)/],
    [1, 2.45, { value_mm: 2450 }],
    [2, 0.05, { value_mm: 50 }],
    [3, 300.5, { value_mm: 300_500 }],
    [4, -1.25, { value_mm: -1250 }],
    [5, 12.5, { area_m2: 12.5 }],
    [6, 31.25, { volume_m3: 31.25 }],
    [3, 0, /part of an area, no result yet/],
    [5, 0, /part of a volume, no result yet/],
    [6, 0, /part of a volume/],
    [7, 1, { volume_m3: 1 }],
    [8, 45.5, { angle_deg: 45.5 }],
    [9, 361, /beyond 360/],
    [10, 2, { value_mm: 2000 }],
    [11, 2, { value_mm: 2000 }],
    [12, 2, { value_mm: 2000 }],
    [13, 1.1, { area_m2: 1.1 }],
    [14, 2, { value_mm: 2000 }],
    [15, -12.3, { angle_deg: -12.3 }],
    [12, 0, /part of a double indirect distance/],
    [14, 0, /part of a wall area/],
    [16, 1, { value_mm: 1000 }],
    [17, -1, { value_mm: -1000 }],
    [18, 3, { area_m2: 3 }],
    [21, 3, { volume_m3: 3 }],
    [22, 0.5, { angle_deg: 0.5 }],
    [24, 3, /part of a trapezoid/],
    [26, 3, { value_mm: 3000 }],
    [27, 1, /mode 27 is not known/],
    [10, 1e12, /beyond 10000/],
    [59, 1, /status message \(mode 59\)/],
    [60, 1, /status message \(mode 60\)/],
    [62, 1, /status message \(mode 62\)/],
    [63, 1, /status message \(mode 63\)/],
    [1, 0, /not above 0/],
    [1, -0.5, /not above 0/],
    [2, 300.1, /more than 300 m/],
    [2, 300, { value_mm: 300_000 }],
    [1, Number.NaN, /not a number/],
    [2, Number.POSITIVE_INFINITY, /not a number/],
    [5, Number.NaN, /not a number/],
    [15, -0, { angle_deg: 0 }],
  ];
  for (const [mode, result, expected] of modes)
    it(`mode ${mode} with ${result}`, () => {
      for (const edge of [0, 1, 2, 3]) {
        const reading = read(glm({ mode, edge, result }));
        if (expected instanceof RegExp)
          assert.ok('rejected' in reading && expected.test(reading.rejected), JSON.stringify(reading));
        else {
          assert.ok(!('rejected' in reading), JSON.stringify(reading));
          assert.deepEqual(reading.telemetry, expected);
          assert.equal(reading.metadata['referenceEdge'], edge);
        }
      }
    });

  // What the components of a message say of modes to which public sources give two meanings.
  const disputed: [frame: Frame, telemetry: Record<string, number>, name: string][] = [
    [{ mode: 4, result: 6, first: 2, second: 3 }, { area_m2: 6 }, 'area'],
    [{ mode: 4, result: 5, first: 2, second: 3 }, { value_mm: 5000 }, 'add-subtract'],
    [{ mode: 13, result: 1.5, first: 2, second: 30 }, { value_mm: 1500 }, 'double-indirect'],
    [{ mode: 13, result: 1.5 }, { area_m2: 1.5 }, 'partial-area'],
    [{ mode: 15, result: 7.5, first: 2.5, second: 3 }, { area_m2: 7.5 }, 'wall-area'],
    [{ mode: 15, result: 7.5 }, { angle_deg: 7.5 }, 'angle'],
  ];
  for (const [frame, telemetry, name] of disputed)
    it(`takes mode ${frame.mode} with components ${frame.first}, ${frame.second} for ${name}`, () => {
      const reading = read(glm(frame));
      assert.ok(!('rejected' in reading), JSON.stringify(reading));
      assert.deepEqual([reading.telemetry, reading.metadata['mode']], [telemetry, name]);
    });

  it('gives state and components', () => {
    const reading = read(glm({ state: 0x0f, mode: 5, result: 6, first: 2, second: Number.NaN }));
    assert.ok(!('rejected' in reading));
    const { mode, laserOn, temperatureWarning, lowBattery, displayUnits, sequence, components } = reading.metadata;
    assert.deepEqual(
      { mode, laserOn, temperatureWarning, lowBattery, displayUnits, sequence, components },
      {
        mode: 'area',
        laserOn: true,
        temperatureWarning: true,
        lowBattery: true,
        displayUnits: 'imperial',
        sequence: 0x3c,
        components: [2],
      },
    );
  });

  const rejected: [name: string, hex: string, kind: LaserKind | undefined, reason: RegExp][] = [
    ['the sample of seed 000', 'c055100600000019411a0000000000000000', undefined, /expected exactly 20 bytes, got 18/],
    ['the reply to the enable command', 'c0550201001a', undefined, /reply of 6 bytes, no measurement/],
    ['a truncated tutorial frame', 'c055100606007a0094f6463e', undefined, /expected exactly 20 bytes, got 12/],
    ['a wrong CRC', 'c0551006000001cdcc1c400000000000000000dd', undefined, /CRC is 0xdd, expected 0xdc/],
    ['one byte more', 'c0551006000001cdcc1c400000000000000000dc00', undefined, /got 21/],
    ['only the beginning', 'c055', undefined, /got 2/],
    ['nothing', '', undefined, /frame is empty/],
    [
      'a first byte that is wrong',
      'c1551006000001cdcc1c400000000000000000dc',
      undefined,
      /no frame of a known laser meter/,
    ],
    ['a DISTO float taken for GLM', 'd7a31c40', 'glm', /does not begin with c0 55/],
    ['a DISTO float of 0', '00000000', undefined, /not above 0/],
    ['a DISTO float that is none', '0000c07f', undefined, /not a number/],
    ['a DISTO float that is endless', '0000807f', undefined, /not a number/],
    ['a DISTO float below any distance', '00000001', undefined, /below 10 mm/],
    ['a DISTO float beyond 300 m', '00409c45', undefined, /more than 300 m/],
    ['three bytes', '000001', undefined, /no frame of a known laser meter/],
    ['a DISTO packet that is too long', '25064940'.repeat(6), 'disto', /got 24/],
    ['a GLM 100 reply with a wrong CRC', '0004130e000033', 'glm100', /CRC does not fit/],
    ['a GLM 100 reply that is cut', '0004130e00', 'glm100', /expected exactly 7 bytes, got 5/],
    ['a GLM 100 status', toHex(sealed(Uint8Array.of(4, 0, 0))), 'glm100', /status 4 \(unknown command\)/],
    ['a GLM 100 whose hardware is at fault', toHex(sealed(Uint8Array.of(8, 0, 0))), 'glm100', /status 8 \(hardware\)/],
    [
      'a GLM 100 that is not ready and in a wrong mode',
      toHex(sealed(Uint8Array.of(0x12, 0, 0))),
      'glm100',
      /status 18 \(wrong mode, not ready\)/,
    ],
    ['the unit of a DISTO', '0000', 'disto-unit', /unit of the display \(m\)/],
    ['another unit of a DISTO', '0100', 'disto-unit', /unit of the display \(ft\)/],
    ['a unit of a DISTO that is not known', 'ff00', 'disto-unit', /unit of the display, no measurement/],
    ['an inclination that is none', '0000c07f', 'disto-inclination', /not a number/],
    ['an inclination beyond a circle', '00002041', 'disto-inclination', /beyond 360/],
  ];
  for (const [name, hex, kind, reason] of rejected)
    it(`rejects ${name}`, () => {
      const reading = read(fromHex(hex) ?? new Uint8Array(), kind);
      assert.ok('rejected' in reading && reason.test(reading.rejected), JSON.stringify(reading));
    });

  it('rejects a payload length other than 16 although the CRC fits', () => {
    const frame = glm({});
    frame[2] = 0x11;
    const reading = read(sealed(frame));
    assert.ok('rejected' in reading && /payload length says 17/.test(reading.rejected));
  });

  const others: [name: string, hex: string, kind: LaserKind | undefined, millimetres: number, parser: string][] = [
    ['DISTO', '25064940', undefined, 3141, 'leica-disto'],
    ['DISTO with bytes behind', '2506494000ff', undefined, 3141, 'leica-disto'],
    ['GLM 100 by form', '0004130e000032', undefined, 180.15, 'bosch-glm100'],
    ['GLM 100 by kind', '0004130e000032', 'glm100', 180.15, 'bosch-glm100'],
  ];
  for (const [name, hex, kind, millimetres, parser] of others)
    it(`reads ${name}`, () => {
      const reading = read(fromHex(hex)!, kind);
      assert.ok(!('rejected' in reading), JSON.stringify(reading));
      assert.deepEqual(reading.telemetry, { value_mm: millimetres });
      assert.equal(reading.metadata.parser, parser);
    });

  it('reads the inclination of a DISTO', () => {
    const reading = read(fromHex('db0f493f')!, 'disto-inclination');
    assert.ok(!('rejected' in reading));
    assert.deepEqual(reading.telemetry, { angle_deg: 45 });
  });

  it('never takes a GLM frame with one wrong bit for a measurement', () => {
    const frame = glm({});
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const damaged = Uint8Array.from(frame);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      assert.ok('rejected' in read(damaged), toHex(damaged));
    }
  });

  it('gives a reason or finite values for whatever comes', () => {
    for (let length = 0; length <= 40; length++)
      for (let fill = 0; fill < 256; fill++)
        for (const kind of [undefined, ...laserKinds]) {
          const text = JSON.stringify(read(new Uint8Array(length).fill(fill), kind));
          assert.doesNotMatch(text, /null|NaN|Infinity/, `${length} bytes of ${fill}`);
        }
  });

  it('carries device, session and the time of the message', () => {
    const reading = laserReading({
      bytes: glm({}),
      receivedAt,
      timestamp: '2025-12-31T23:59:59Z',
      deviceId: 'AA:BB:CC:DD:EE:FF',
      digest: 'd',
      scannerId: 'van',
      receipt: { key: 'k', redelivered: false },
      context: { sessionId: 's', elementType: 'gevel', elementId: 'e', source: 'bridge' },
    });
    assert.ok(!('rejected' in reading));
    assert.equal(reading.deviceId, 'AA:BB:CC:DD:EE:FF');
    assert.equal(reading.timestamp, '2025-12-31T23:59:59.000Z');
    const { sessionId, elementType, elementId, source, digest, scannerId, receipt } = reading.metadata;
    assert.deepEqual(
      [sessionId, elementType, elementId, source, digest, scannerId, receipt],
      ['s', 'gevel', 'e', 'bridge', 'd', 'van', undefined],
    );
  });
});
