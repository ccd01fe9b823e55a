// Writing to a unit that keeps its registers: read-back, refusals, answers that do not come, and nothing sent in a dry run.
import assert from 'node:assert/strict';
import type { Bus } from './bus.ts';
import { busTo } from './bus.fixture.ts';
import { parseMap } from './map.ts';
import { type Simulator, startSimulator } from './simulator.ts';
import { systemTiming } from './timing.ts';
import { type WriterOptions, writer } from './writer.ts';

const map = parseMap(
  JSON.stringify({
    name: 'm',
    table: 'holding',
    registers: [
      { metric: 'setpoint', address: 0, type: 'int16', scale: 0.1, min: 5, max: 30, unit: '°C' },
      { metric: 'limit', address: 2, type: 'float32' },
      { metric: 'pump', address: 4, type: 'bit', bit: 3 },
      { metric: 'relay', address: 7, table: 'coil' },
    ],
  }),
  'm.json',
);

describe('writer', () => {
  let simulator: Simulator;
  let bus: Bus;
  let holding: number[];
  let coils: number[];
  let functions: number[];
  beforeEach(async () => {
    holding = new Array<number>(20).fill(0);
    coils = new Array<number>(20).fill(0);
    functions = [];
    simulator = await startSimulator({ units: [[1, (table, at) => (table === 'coil' ? coils : holding)[at]]] });
    simulator.write = ({ write, address, values }) => {
      functions.push(write);
      const memory = write === 5 || write === 15 ? coils : holding;
      if (address + values.length > memory.length) return 2;
      for (const [at, value] of values.entries()) memory[address + at] = value;
      return undefined;
    };
    bus = busTo(simulator, 300);
  });
  afterEach(async () => {
    await bus.close();
    await simulator.close();
  });
  const write = (order: unknown, more: Partial<WriterOptions> = {}, dryRun = false) =>
    writer({
      ...{ bus, unit: 1, fields: map.fields, raw: true, many: false, readBack: true, readBackMs: 0 },
      after: systemTiming.after,
      ...more,
    })(order, dryRun);

  it('writes values by name and verifies them', async () => {
    const result = await write({ setpoint: 21.5, limit: 1.5, relay: true });
    assert.equal(result.outcome, 'verified');
    assert.deepEqual(
      result.writes.map(({ name, readBack }) => [name, readBack]),
      [
        ['setpoint', 21.5],
        ['limit', 1.5],
        ['relay', true],
      ],
    );
    assert.deepEqual([holding.slice(0, 4), coils[7], functions], [[215, 0, 0x3fc0, 0], 1, [6, 16, 5]]);
  });

  it('uses 15 and 16 alone where a device has no others', async () => {
    await write({ setpoint: 20, relay: true }, { many: true });
    assert.deepEqual(functions, [16, 15]);
  });

  it('changes a bit and leaves the others of its register alone, also from two orders at once', async () => {
    holding[4] = 0xf0f0;
    const both = writer({
      ...{ bus, unit: 1, fields: map.fields, raw: true, many: false, readBack: true, readBackMs: 0 },
      after: systemTiming.after,
    });
    const results = await Promise.all([
      both({ pump: true }, false),
      both({ pump: false }, false),
      both({ pump: true }, false),
    ]);
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ['verified', 'verified', 'verified'],
    );
    assert.equal(holding[4], 0xf0f8);
  });

  it('writes raw registers and coils', async () => {
    assert.equal((await write({ function: 16, address: 10, values: [1, 65535, 3] })).outcome, 'verified');
    assert.equal((await write({ function: 15, address: 2, values: [true, false, 1] })).outcome, 'verified');
    assert.equal((await write({ function: 6, address: 14, value: 9 })).outcome, 'verified');
    assert.deepEqual(
      [holding.slice(10, 15), coils.slice(2, 5)],
      [
        [1, 65535, 3, 0, 9],
        [1, 0, 1],
      ],
    );
  });

  it('sends nothing in a dry run, and says what it would send', async () => {
    const result = await write({ setpoint: 21.5 }, {}, true);
    assert.equal(result.outcome, 'dry run');
    assert.deepEqual(result.writes[0]?.request, { unit: 1, write: 6, address: 0, values: [215] });
    assert.deepEqual(functions, []);
  });

  const refused: [order: unknown, more: Partial<WriterOptions>, reason: RegExp][] = [
    [{ setpoint: 31 }, {}, /setpoint: expected 5 to 30 °C, got 31/],
    [{ setpoint: 20, limit: 'x' }, {}, /limit: expected a number/],
    [{ other: 1 }, {}, /metric: expected one of the register map, got "other"/],
    [{}, {}, /payload: expected 1 to 100 values by metric, got 0/],
    [21, {}, /payload: expected values by metric, got 21/],
    [null, {}, /payload/],
    [{ function: 6, address: 0, value: 1 }, { raw: false }, /raw writes are switched off/],
    [{ function: 3, address: 0, value: 1 }, {}, /function: expected 5, 6, 15 or 16, got 3/],
    [{ function: 6, address: 70000, value: 1 }, {}, /address: expected 0 to 65535/],
    [{ function: 6, address: 0, value: 65536 }, {}, /values: expected words from 0 to 65535/],
    [{ function: 5, address: 0, value: 2 }, {}, /values: expected 0 or 1/],
    [{ function: 6, address: 0, values: [1, 2] }, {}, /values: expected 1 to 1 of them, got 2/],
    [{ function: 16, address: 65535, values: [1, 2] }, {}, /values: expected 1 to 123/],
    [{ function: 16, address: 0, values: [] }, {}, /values: expected 1 to 123/],
  ];
  for (const [order, more, reason] of refused)
    it(`refuses ${JSON.stringify(order)}, and sends nothing of it`, async () => {
      const result = await write(order, more);
      assert.equal(result.outcome, 'refused');
      assert.match(result.error ?? '', reason);
      assert.deepEqual(functions, []);
    });

  it('tells a value that the unit did not take', async () => {
    simulator.write = () => undefined;
    const result = await write({ setpoint: 21.5 });
    assert.equal(result.outcome, 'differs');
    assert.match(result.error ?? '', /setpoint read back: expected .*215.*, got \[0\]/);
    assert.deepEqual(result.writes[0]?.readBack, [0], 'the words, since 0 is out of its range');
  });

  it('tells an exception from an answer that did not come, and stops there', async () => {
    assert.deepEqual(
      await write({ function: 6, address: 19, value: 1 }, { readBack: false }).then(r => r.outcome),
      'written',
    );
    const failed = await write({ function: 6, address: 50, value: 1 });
    assert.deepEqual(
      [failed.outcome, failed.error],
      ['failed', 'write of holding 50 of unit 1: exception 02 illegal data address'],
    );
    simulator.misbehave = ({ write: code }) => (code === 16 ? { kind: 'silence' } : undefined);
    const unknown = await write({ setpoint: 20, limit: 2, relay: true });
    assert.equal(unknown.outcome, 'unknown');
    assert.deepEqual(
      unknown.writes.map(({ name }) => name),
      ['setpoint'],
    );
    assert.equal(coils[7], 0);
  });

  for (const [code, outcome] of [
    [1, 'failed'],
    [4, 'failed'],
    [10, 'failed'],
    [5, 'unknown'],
    [11, 'unknown'],
  ] as const)
    it(`exception ${code} to a write is ${outcome}`, async () => {
      simulator.misbehave = ({ write: asked }) => (asked === undefined ? undefined : { kind: 'exception', code });
      assert.equal((await write({ setpoint: 20 })).outcome, outcome);
    });

  it('what was confirmed is written, also where it cannot be read back', async () => {
    simulator.misbehave = ({ write: asked }) => (asked === undefined ? { kind: 'exception', code: 2 } : undefined);
    const result = await write({ setpoint: 20, relay: true });
    assert.equal(result.outcome, 'written');
    assert.match(
      result.error ?? '',
      /^setpoint is written, but cannot be read back: .*exception 02.*; relay is written/,
    );
    assert.deepEqual([holding[0], coils[7], result.writes.length], [200, 1, 2]);
  });

  it('what never went out is failed, not unknown', async () => {
    simulator.misbehave = ({ write: asked }) => (asked === undefined ? { kind: 'silence' } : undefined);
    const unread = await write({ pump: true });
    assert.equal(unread.outcome, 'failed');
    assert.match(unread.error ?? '', /^pump is not written, since it cannot be read: .*no answer/);
    assert.deepEqual(functions, []);
    await simulator.close();
    while (bus.state !== 'away') await new Promise(resolve => setImmediate(resolve));
    const away = await write({ setpoint: 20 });
    assert.equal(away.outcome, 'failed');
    assert.match(away.error ?? '', /ECONNREFUSED/);
  });

  it('changes bits of one register from two nodes at once without losing one', async () => {
    const fields = [0, 3, 9].map(bit => ({ metric: `bit${bit}`, address: 4, type: 'bit', bit }));
    const bits = parseMap(JSON.stringify({ name: 'b', table: 'holding', registers: fields }), 'b.json');
    simulator.misbehave = () => ({ kind: 'slow', ms: 5 });
    await Promise.all(fields.map(({ metric }) => write({ [metric]: true }, { fields: bits.fields })));
    assert.equal(holding[4], 0b10_0000_1001);
  });
});
