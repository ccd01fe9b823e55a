// The budget of a line against the arithmetic of the standard, and what it warns of.
import assert from 'node:assert/strict';
import { budgetOf, type PlannedLine, type PlannedPoll } from './budget.ts';
import { parseMap } from './map.ts';

const line: PlannedLine = {
  format: { baudRate: 9600, dataBits: 8, parity: 'none', stopBits: 1 },
  timeoutMs: 500,
  probeMs: 30_000,
  turnaroundMs: 0,
};
const poll = (registers: object[], more: Partial<PlannedPoll> = {}, map: object = {}): PlannedPoll => ({
  unit: 1,
  map: parseMap(JSON.stringify({ name: 'm', table: 'holding', ...map, registers }), 'm.json'),
  periodMs: 1000,
  limits: { maxWords: 125, maxBits: 2000, gapBudget: 16 },
  ...more,
});
const floats = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ metric: `m${at}`, address: at * 2, type: 'float32' }));

describe('budget of a line', () => {
  it('gives the time of 124 registers at 9,600 baud: 279 ms', () => {
    const { rounds, share, requestsPerS } = budgetOf(line, [poll(floats(62))]);
    assert.deepEqual(
      rounds.map(({ ms, requests }) => [Math.round(ms ?? 0), requests.length, requests[0]?.count]),
      [[279, 1, 124]],
    );
    assert.equal(share?.toFixed(3), '0.279');
    assert.equal(requestsPerS, 1);
  });

  it('says which registers are read along, and which metrics a request brings', () => {
    const registers = [
      { metric: 'a', address: 0, type: 'uint16' },
      { metric: 'b', address: 10, type: 'uint16' },
      { metric: 'b3', address: 10, type: 'bit', bit: 3 },
      { metric: 'c', address: 100, type: 'uint16' },
    ];
    const [round] = budgetOf(line, [poll(registers)]).rounds;
    assert.deepEqual(
      round?.requests.map(({ address, count, idle, metrics }) => [address, count, idle, metrics]),
      [
        [0, 11, 9, ['a', 'b', 'b3']],
        [100, 1, 0, ['c']],
      ],
    );
  });

  it('plans each period by itself', () => {
    const registers = [
      { metric: 'fast', address: 0, type: 'uint16', every: 100 },
      { metric: 'slow', address: 1, type: 'uint16' },
    ];
    const { rounds, requestsPerS } = budgetOf(line, [poll(registers)]);
    assert.deepEqual(rounds.map(({ periodMs }) => periodMs).sort(), [100, 1000]);
    assert.equal(requestsPerS, 11);
  });

  it('tells what a silent unit costs: its time twice, at each probe', () =>
    assert.deepEqual(budgetOf(line, []).silent, { ms: 1000, share: 1000 / 30_000 }));

  it('warns of periods that cannot be kept, and of a line that is nearly full', () => {
    const warnings = (periodMs: number, count = 1) =>
      budgetOf(
        line,
        Array.from({ length: count }, () => poll(floats(62), { periodMs })),
      ).warnings.join('; ');
    assert.match(warnings(200), /unit 1: a poll takes 280 ms, its period is 200 ms/);
    assert.match(warnings(1000, 4), /the polls need 112 % of the line: periods cannot be kept/);
    assert.match(warnings(1000, 3), /the polls need 84 % of the line: there is little room/);
    assert.equal(warnings(1000, 2), '');
  });

  it('knows no time of a TCP device, and no requests of SunSpec before the device is there', () => {
    const sunspec = poll(
      [{ metric: 'a', model: 103, address: 2, type: 'uint16' }],
      {},
      { sunspec: true, table: undefined },
    );
    const tcp = budgetOf({ ...line, format: undefined }, [poll(floats(62)), sunspec]);
    assert.equal(tcp.share, undefined);
    assert.equal(tcp.silent, undefined);
    assert.equal(tcp.rounds[0]?.requests[0]?.ms, undefined);
    assert.match(tcp.warnings[0] ?? '', /the requests of m are known when its models were found/);
  });
});
