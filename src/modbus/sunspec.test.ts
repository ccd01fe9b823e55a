// SunSpec devices: the chain of models walked from each base, points found by model, and everything that may be missing.
import assert from 'node:assert/strict';
import type { Bus } from './bus.ts';
import { busTo } from './bus.fixture.ts';
import { parseMap } from './map.ts';
import { REFUSED_MS, registerReader } from './reader.ts';
import { type Simulator, startSimulator } from './simulator.ts';
import { placed, sunspecChain } from './sunspec.ts';
import { fakeTiming } from './timing.fixture.ts';
import { systemTiming } from './timing.ts';
import { decodeField } from './values.ts';

const SUNS = [0x5375, 0x6e53];
const words = (length: number, values: Record<number, number>) =>
  Array.from({ length }, (_, at) => values[at] ?? 0x8000);
/** Common block, an inverter of model 103, a meter of model 203 and a second one. */
const device = (power: number) => [
  ...SUNS,
  ...[1, 4, 0x4142, 0x4300, 0, 0],
  ...[103, 50, ...words(50, { 12: power, 13: 0xffff, 22: 0, 23: 1000, 24: 3, 36: 4 })],
  ...[203, 20, ...words(20, { 14: 111, 18: 0 })],
  ...[203, 20, ...words(20, { 14: 222, 18: 0 })],
  ...[0xffff, 0],
];
const map = parseMap(
  JSON.stringify({
    name: 's',
    sunspec: true,
    registers: [
      { metric: 'power', model: [101, 102, 103], address: 14, scaleFactor: 15, type: 'int16' },
      { metric: 'energy', model: [101, 102, 103], address: 24, scaleFactor: 26, type: 'uint32' },
      { metric: 'current', model: 103, address: 2, scaleFactor: 6, type: 'uint16' },
      { metric: 'voltage', model: 103, address: 8, scaleFactor: 15, type: 'int16' },
      { metric: 'state', model: [101, 102, 103], address: 38, type: 'enum', names: { 4: 'mppt' } },
      { metric: 'grid', model: 203, address: 16, scaleFactor: 20, type: 'int16' },
      { metric: 'load', model: 203, occurrence: 2, address: 16, scaleFactor: 20, type: 'int16' },
      { metric: 'battery', model: 802, address: 10, type: 'uint16' },
      { metric: 'far', model: 203, address: 30, type: 'uint16' },
    ],
  }),
  's.json',
);

describe('SunSpec', () => {
  let simulator: Simulator;
  let bus: Bus;
  let asked: string[];
  beforeEach(async () => {
    asked = [];
    simulator = await startSimulator();
    simulator.misbehave = ({ address, count }) => void asked.push(`${address}+${count}`);
    bus = busTo(simulator);
  });
  afterEach(async () => {
    await bus.close();
    await simulator.close();
  });
  const standAt = (base: number, memory: readonly number[]) =>
    simulator.units.set(1, (table, address) => (table === 'holding' ? memory[address - base] : undefined));
  const readerOf = (timing = systemTiming) =>
    registerReader({
      bus,
      unit: 1,
      fields: map.fields,
      sunspec: true,
      limits: { maxWords: 125, maxBits: 2000, gapBudget: 125 },
      timing,
    });

  for (const base of [40_000, 50_000, 0])
    it(`finds the models from ${base}, reads them in one request, and says what is missing`, async () => {
      standAt(base, device(1234));
      const reader = readerOf();
      const poll = await reader.poll();
      assert.deepEqual(poll.telemetry, { power: 123.4, energy: 1_000_000, state: 'mppt', grid: 111, load: 222 });
      assert.deepEqual(poll.quality, {
        current: 'its scale factor is not implemented by the device (8000)',
        voltage: 'not implemented by the device (8000)',
        battery: 'the device has no model 802',
        far: 'model 203 of the device ends before it',
      });
      asked.length = 0;
      await reader.poll();
      assert.deepEqual(asked, [`${base + 10}+93`], 'the chain is walked once');
    });

  it('says that a device has no SunSpec, and looks again only now and then', async () => {
    const timing = fakeTiming();
    simulator.units.set(1, (_, address) => address & 0xff);
    const reader = readerOf(timing);
    assert.match((await reader.poll()).quality['power'] ?? '', /expected the marker SunS at 40000, 50000, 0, got none/);
    asked.length = 0;
    await reader.poll();
    assert.deepEqual(asked, []);
    standAt(40_000, device(7));
    timing.clock.advance(REFUSED_MS);
    assert.equal((await reader.poll()).telemetry['power'], 0.7);
  });

  it('looks again at once after a walk that was cut short', async () => {
    standAt(40_000, device(7));
    simulator.misbehave = () => ({ kind: 'exception', code: 6 });
    const reader = readerOf();
    assert.equal((await reader.poll()).quality['power'], 'exception 06 device busy');
    simulator.misbehave = () => undefined;
    assert.equal((await reader.poll()).telemetry['power'], 0.7);
  });

  it('never walks in circles', () => {
    const walk = sunspecChain();
    let steps = 0;
    let step = walk.next();
    while (!step.done) {
      assert.ok(++steps < 1000);
      // The marker, then models of length 0 for ever.
      step = walk.next(Buffer.from(steps === 1 ? '53756e53' : '00010000', 'hex'));
    }
    assert.equal(step.value?.length, 200);
  });

  /** What the walk finds in these words from 40000 on; the device refuses what is behind them. */
  const chain = (words: readonly number[], base = 40_000) => {
    const walk = sunspecChain();
    let step = walk.next();
    while (!step.done) {
      const { address } = step.value;
      const pair = [words[address - base], words[address - base + 1]];
      const bytes = pair.flatMap(word => (word === undefined ? [] : [word >> 8, word & 255]));
      step = walk.next(bytes.length === 4 ? Uint8Array.from(bytes) : undefined);
    }
    return step.value?.map(({ id, address, length }) => `${id} at ${address}+${length}`);
  };
  const chains: [what: string, words: readonly number[], models: string[] | undefined][] = [
    ['no marker', [0x5375, 0x6e54, 1, 4], undefined],
    ['half a marker', [0x5375], undefined],
    ['nothing behind the marker', SUNS, []],
    ['an end at once', [...SUNS, 0xffff, 0], []],
    ['an end by zeros', [...SUNS, 1, 1, 7, 0, 0, 9, 9], ['1 at 40002+1']],
    ['an end that is refused', [...SUNS, 1, 1, 7], ['1 at 40002+1']],
    ['a model of length 0', [...SUNS, 64_000, 0, 103, 1, 5, 0xffff, 0], ['64000 at 40002+0', '103 at 40004+1']],
    ['a model that goes over the end of all addresses', [...SUNS, 1, 0xffff, 3], ['1 at 40002+65535']],
    ['the same model twice', [...SUNS, 203, 1, 5, 203, 1, 6, 0xffff, 0], ['203 at 40002+1', '203 at 40005+1']],
  ];
  for (const [what, words, models] of chains) it(`walks ${what}`, () => assert.deepEqual(chain(words), models));

  it('takes no register behind a model for a scale factor', () => {
    const field = parseMap(
      JSON.stringify({
        name: 's',
        sunspec: true,
        registers: [{ metric: 'a', model: 103, address: 2, scaleFactor: 6, type: 'int16' }],
      }),
      's.json',
    ).fields;
    const found = (length: number) => placed(field, [{ id: 103, address: 40_002, length }]);
    assert.deepEqual(found(4).absent, { a: 'model 103 of the device ends before its scale factor' });
    assert.deepEqual(found(5).fields[0]?.factor?.address, 40_008);
  });

  const absent: [type: string, words: string, more?: object][] = [
    ['int16', '8000'],
    ['uint16', 'FFFF'],
    ['int32', '8000 0000'],
    ['uint32', 'FFFF FFFF'],
    ['int64', '8000 0000 0000 0000'],
    ['uint64', 'FFFF FFFF FFFF FFFF'],
    ['float32', '7FC0 0000'],
    ['float64', '7FF8 0000 0000 0000'],
    ['string', '0000 0000', { length: 2 }],
    ['enum', 'FFFF', { names: { 65535: 'never' } }],
    ['flags', 'FFFF FFFF', { length: 2, names: { 0: 'fault' } }],
    ['bits', 'FFFF', { width: 4 }],
    ['bit', 'FFFF', { bit: 3 }],
    ['datetime', 'FFFF FFFF', { format: 'since-2000' }],
  ];
  for (const [type, words, more] of absent)
    it(`${type} ${words} is not implemented`, () => {
      const registers = [{ metric: 'a', model: 1, address: 2, type, ...more }];
      const [field] = parseMap(JSON.stringify({ name: 's', sunspec: true, registers }), 's.json').fields;
      assert.ok(field);
      const decoded = decodeField(field, Buffer.from(words.replaceAll(' ', ''), 'hex'));
      assert.ok('absent' in decoded, JSON.stringify(decoded));
    });
});
