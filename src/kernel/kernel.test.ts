// The small pieces of the kernel: checksums, bounded maps, backoff, faults, metrics.
import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { backoff } from './backoff.ts';
import { boundedMap } from './bounded.ts';
import { crc8, crc16modbus, digest, fromHex, toHex } from './bytes.ts';
import { fakeClock } from './clock.ts';
import { expected, Fault, faultCodes, reasonOf } from './fault.ts';
import { allMetrics, count, forgetGauges, gauge, metric } from './metrics.ts';

const ascii = (text: string) => new TextEncoder().encode(text);

describe('kernel: bytes', () => {
  const hex: [text: string, bytes: number[] | undefined][] = [
    ['c055', [0xc0, 0x55]],
    ['C0:55', [0xc0, 0x55]],
    ['c0 55', [0xc0, 0x55]],
    ['c05', undefined],
    ['', undefined],
    ['zz', undefined],
    ['0x12', undefined],
  ];
  for (const [text, bytes] of hex)
    it(`hex ${JSON.stringify(text)}`, () => assert.deepEqual(fromHex(text), bytes && new Uint8Array(bytes)));
  it('hex and back', () => assert.equal(toHex(fromHex('00ff10') as Uint8Array), '00ff10'));
  it('CRC-16/MODBUS of 123456789 is the catalogue value', () => assert.equal(crc16modbus(ascii('123456789')), 0x4b37));
  it('CRC-8 of 123456789 with polynomial 7 is the catalogue value', () =>
    assert.equal(crc8(ascii('123456789'), 0x07, 0), 0xf4));
  it('CRC-8 of a Bosch command is its last byte', () =>
    assert.equal(crc8(fromHex('c055020100') as Uint8Array, 0xa6, 0xaa), 0x1a));
  it('digest is 32 hex digits and the same for text and its bytes', () => {
    assert.match(digest('a'), /^[0-9a-f]{32}$/);
    assert.equal(digest('ä'), digest(ascii('ä')));
    assert.notEqual(digest('a'), digest('b'));
  });
});

describe('kernel: bounded map', () => {
  it('lets the least recently used key go, and counts it', () => {
    const gone: string[] = [];
    const map = boundedMap<string, number>(2, key => gone.push(key));
    map.set('a', 1);
    map.set('b', 2);
    map.get('a');
    map.set('c', 3);
    assert.deepEqual([gone, map.evicted, map.size, map.has('a')], [['b'], 1, 2, true]);
    for (let n = 0; n < 3; n++) map.evict();
    assert.deepEqual([gone, map.evicted, map.size], [['b', 'a', 'c'], 3, 0]);
  });
});

describe('kernel: bounded map under churn', () => {
  it('never holds more than its limit, and loses the old ones only', () => {
    const map = boundedMap<number, number>(1000);
    for (let n = 0; n < 100_000; n++) {
      map.set(n, n);
      assert.ok(map.size <= 1000);
      if (n % 10 === 0) assert.equal(map.get(0) ?? 0, 0);
    }
    assert.equal(map.evicted, 99_000);
    assert.ok(map.has(0), 'what is used stays');
    assert.ok(map.has(99_999) && map.has(99_500) && !map.has(50_000));
  });
  it('holds on to nothing that was replaced, whether it is full or not', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const held = (limit: number): number => {
      const map = boundedMap<number, number[]>(limit);
      const before = process.memoryUsage().heapUsed;
      for (let n = 0; n < 300_000; n++) map.set(n % 150, new Array(20).fill(n + 0.5));
      collect();
      assert.ok(map.size <= 150);
      return process.memoryUsage().heapUsed - before;
    };
    collect();
    for (const limit of [1000, 100]) assert.ok(held(limit) < 10_000_000, `of at most ${limit} keys`);
  });
  it('goes on after it was emptied', () => {
    const map = boundedMap<number, number>(2);
    for (let n = 0; n < 5; n++) map.set(n, n);
    map.clear();
    for (let n = 0; n < 5; n++) map.set(n, n);
    assert.deepEqual(
      [...map.entries()],
      [
        [3, 3],
        [4, 4],
      ],
    );
  });
});

describe('kernel: backoff', () => {
  it('grows to its cap, jitters in the upper half, and starts again', () => {
    const low = backoff(100, 1000, () => 0);
    assert.deepEqual(
      [low.next(), low.next(), low.next(), low.next(), low.next(), low.next()],
      [50, 100, 200, 400, 500, 500],
    );
    assert.equal(low.attempts, 6);
    low.reset();
    assert.equal(low.next(), 50);
    const high = backoff(100, 1000, () => 1);
    for (let n = 0; n < 2000; n++) assert.ok(high.next() <= 1000);
  });
});

describe('kernel: faults', () => {
  const table: [got: unknown, shown: string][] = [
    [5, '5'],
    ['x', '"x"'],
    [undefined, 'nothing'],
    [12n, '12n'],
    [Symbol('s'), 'Symbol(s)'],
  ];
  for (const [got, shown] of table)
    it(`shows ${shown}`, () =>
      assert.equal(expected('here', 'a number', got), `here: expected a number, got ${shown}`));
  it('cuts a hostile value', () => assert.ok(expected('here', 'less', 'x'.repeat(1e6)).length < 200));
  it('shows a ring as such', () => {
    const ring: { self?: unknown } = {};
    ring.self = ring;
    assert.match(expected('here', 'a tree', ring), /cannot be shown/);
  });
  it('has a next step for every code', () => {
    for (const step of Object.values(faultCodes)) assert.match(step, /\.$/);
    assert.equal(new Fault('FIELDLINE_ROW', 'x').nextStep, faultCodes.FIELDLINE_ROW);
    assert.equal(String(new Fault('FIELDLINE_ROW', 'x: expected y')), 'x: expected y');
    const cause = new Error('of it');
    assert.equal(new Fault('FIELDLINE_ROW', 'x', { cause }).cause, cause);
    assert.ok(!('cause' in new Fault('FIELDLINE_ROW', 'x')));
  });
  it('gives one line for anything thrown', () => {
    assert.equal(reasonOf(new Error('a\n  b')), 'a b');
    assert.equal(reasonOf(runInNewContext('new TypeError("of a function node")')), 'of a function node');
    assert.equal(reasonOf({ odd: 1 }), '{"odd":1}');
    assert.equal(reasonOf('text'), 'text');
    assert.equal(reasonOf(undefined), 'unknown');
  });
});

describe('kernel: metrics', () => {
  it('counts by name and labels, and forgets gauges of a node', () => {
    count('test_total', 2, { node: 'm1' });
    count('test_total', 3, { node: 'm1' });
    gauge('test_depth', 7, { node: 'm1' });
    assert.equal(metric('test_total', { node: 'm1' }), 5);
    forgetGauges({ node: 'm1' });
    assert.equal(metric('test_total', { node: 'm1' }), 5);
    assert.ok(!allMetrics().some(({ name, labels }) => name === 'test_depth' && labels['node'] === 'm1'));
  });
});

describe('kernel: fake clock', () => {
  it('a step moves the wall clock alone', () => {
    const clock = fakeClock(1000);
    clock.advance(5);
    clock.step(-500);
    assert.deepEqual([clock.now(), clock.steady()], [505, 5]);
  });
});
