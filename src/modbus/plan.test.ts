// Grouping: as few requests as a device accepts, no field ever in two of them.
import assert from 'node:assert/strict';
import type { Table } from './link.ts';
import { type Group, type Limits, plan, split } from './plan.ts';
import type { Place } from './field.ts';

const field = (address: number, span = 1, table: Table = 'holding'): Place => ({
  metric: `m${address}`,
  table,
  address,
  span,
});
const limits = (given: Partial<Limits> = {}): Limits => ({ maxWords: 125, maxBits: 2000, gapBudget: 8, ...given });
const shape = (groups: readonly Group[]) => groups.map(({ table, address, count }) => `${table} ${address}+${count}`);

describe('plan', () => {
  const cases: [what: string, fields: Place[], limits: Limits, groups: string[]][] = [
    ['nothing', [], limits(), []],
    ['neighbours in one request', [field(0, 2), field(2, 2), field(4, 2)], limits(), ['holding 0+6']],
    ['in any order', [field(4, 2), field(0, 2), field(2, 2)], limits(), ['holding 0+6']],
    ['a gap within the budget', [field(0, 2), field(10)], limits({ gapBudget: 8 }), ['holding 0+11']],
    ['a gap beyond the budget', [field(0, 2), field(10)], limits({ gapBudget: 7 }), ['holding 0+2', 'holding 10+1']],
    [
      'the limit of the device',
      [field(0, 2), field(2, 2), field(4, 2)],
      limits({ maxWords: 4 }),
      ['holding 0+4', 'holding 4+2'],
    ],
    [
      'no field is split by the limit',
      [field(0, 2), field(2, 2)],
      limits({ maxWords: 3 }),
      ['holding 0+2', 'holding 2+2'],
    ],
    [
      'tables apart',
      [field(0), field(0, 1, 'input'), field(0, 1, 'coil')],
      limits(),
      ['coil 0+1', 'holding 0+1', 'input 0+1'],
    ],
    ['fields that overlap', [field(0, 4), field(1), field(2, 1)], limits(), ['holding 0+4']],
    [
      'a long field beside a short one at its address',
      [field(0), field(0, 4), field(4)],
      limits({ maxWords: 4 }),
      ['holding 0+4', 'holding 4+1'],
    ],
    ['bits count by bits', [field(0, 1, 'coil'), field(100, 1, 'coil')], limits({ gapBudget: 8 }), ['coil 0+101']],
    ['the end of the address space', [field(65535)], limits(), ['holding 65535+1']],
  ];
  for (const [what, fields, given, groups] of cases)
    it(what, () => assert.deepEqual(shape(plan(fields, given)), groups));

  it('1,000 float32 in a row take the least possible number of requests', () => {
    const fields = Array.from({ length: 1000 }, (_, n) => field(n * 2, 2));
    assert.equal(plan(fields, limits()).length, Math.ceil(1000 / 62));
  });

  it('holds its promises on random maps', () => {
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 48271) % 0x7fffffff;
      return seed % below;
    };
    for (let round = 0; round < 200; round++) {
      const given = limits({ maxWords: 4 + random(122), gapBudget: random(20) });
      const fields = Array.from({ length: 1 + random(40) }, () => field(random(500), 1 + random(4)));
      const groups = plan(fields, given);
      assert.deepEqual(new Set(groups.flatMap(group => group.fields)), new Set(fields));
      assert.equal(groups.flatMap(group => group.fields).length, fields.length, 'each field once');
      for (const { address, count, fields: own } of groups) {
        assert.ok(count <= given.maxWords);
        for (const one of own) assert.ok(one.address >= address && one.address + one.span <= address + count);
      }
    }
  });

  it('says which field no request can carry', () => {
    assert.throws(
      () => plan([field(7, 4)], limits({ maxWords: 2 })),
      /m7: expected at most 2 registers a request, got 4/,
    );
  });
});

describe('split', () => {
  const whole = (fields: Place[]) => plan(fields, limits({ gapBudget: 100 }))[0] as Group;
  const cases: [what: string, fields: Place[], parts: string[]][] = [
    ['leaves out the gaps first', [field(0, 2), field(2, 2), field(10)], ['holding 0+4', 'holding 10+1']],
    ['halves a run without gaps', [field(0, 2), field(2, 2), field(4, 2), field(6, 2)], ['holding 0+4', 'holding 4+4']],
    ['never splits a field', [field(0, 4)], []],
    ['cannot divide bits of one register', [field(3), field(3)], []],
  ];
  for (const [what, fields, parts] of cases) it(what, () => assert.deepEqual(shape(split(whole(fields))), parts));

  it('ends, whatever is refused', () => {
    let requests = 0;
    const drill = (group: Group): void => {
      requests++;
      for (const part of split(group)) drill(part);
    };
    drill(whole(Array.from({ length: 64 }, (_, n) => field(n))));
    assert.equal(requests, 127);
  });
});
