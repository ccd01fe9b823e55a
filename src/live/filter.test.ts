// Filters of live channels: what they accept, refuse, and let through.
import assert from 'node:assert/strict';
import type { Columns } from './columns.ts';
import { parseFilter } from './filter.ts';

const columns: Columns = {
  ...{ id: 'text', score: 'float8', n: 'int8', ok: 'bool', at: 'timestamptz', uid: 'uuid', data: 'jsonb' },
};
const row = { id: 'S1', score: 9, ok: true, at: '2026-02-11T14:30:00.000Z' };

function passes(text: string, values: Readonly<Record<string, unknown>> = row): boolean {
  const filter = parseFilter(text, columns);
  assert.ok(!('refused' in filter), JSON.stringify(filter));
  return filter.holds(column => values[column]);
}

describe('live filter', () => {
  const cases: [text: string, expected: boolean, values?: Record<string, unknown>][] = [
    ['', true],
    ['  ', true],
    ['id=eq.S1', true],
    ['id=eq.s1', false],
    ['id=neq.S1', false],
    ['id=eq."S1"', true],
    ['id=eq."a,b"', true, { id: 'a,b' }],
    ['id=eq."a\\"b"', true, { id: 'a"b' }],
    ['id=eq.AA:BB:CC:DD:EE:FF', true, { id: 'AA:BB:CC:DD:EE:FF' }],
    ['id=eq.a.b', true, { id: 'a.b' }],
    ['id=eq.', true, { id: '' }],
    ['score=lt.100', true],
    ['score=lt.9', false],
    ['score=lte.9', true],
    ['score=gt.8.5', true],
    ['score=gte.1e1', false],
    ['score=eq.9.0', true],
    ['score=lt.0', true, { score: -0.001 }],
    ['score.lt.0', true, { score: -1 }],
    ['score=lt.0', false, { score: 0 }],
    ['score=not.lt.0', true],
    ['score=in.(1,9)', true],
    ['id=in.("a,b",S1)', true],
    ['id=in.(S2)', false],
    ['id=not.in.(S2)', true],
    ['ok=eq.true', true],
    ['ok=is.true', true],
    ['ok=is.false', false],
    ['ok=not.is.null', true],
    ['at=gte.2026-02-11T15:30:00+01:00', true],
    ['at=lt.2026-02-11', false],
    ['id=eq.S1,score=gt.1', true],
    ['id=eq.S1,score=gt.100', false],
    // NULL matches nothing, also not when negated; only `is` asks for it.
    ['id=eq.S1', false, {}],
    ['id=neq.S1', false, { id: null }],
    ['id=not.eq.S1', false, { id: null }],
    ['score=lt.0', false, { score: null }],
    // Many digits and then none: looked at once, not for ever.
    ['score=gt.0', false, { score: `${'1'.repeat(100_000)}x` }],
    ['id=is.null', true, { id: null }],
    ['id=is.null', true, {}],
    ['id=is.null', false],
    ['score=in.(1,null)', false, { score: null }],
    ['score=in.(9,null)', true],
    ['score=not.in.(1,null)', false],
    ['score=in.()', false],
    ['id=in.( a , "b" )', true, { id: 'b' }],
    ['id=in.("a\\"b")', true, { id: 'a"b' }],
    ['id=in.("null")', true, { id: 'null' }],
    ['ok=is.unknown', true, { ok: null }],
    ['ok=is.unknown', false],
    ['ok=not.is.true', true, { ok: null }],
    ['ok=eq.t', true],
    ['ok=neq.1', false],
    ['n=eq.7', true, { n: 7 }],
    ['n=eq.9007199254740993', false, { n: 7 }],
    ['n=eq.9007199254740993', false, { n: 9007199254740992 }],
    ['n=eq.9007199254740992', true, { n: 9007199254740992 }],
    ['n=eq.9007199254740993', true, { n: '9007199254740993' }],
    ['n=in.(7,9007199254740993)', false, { n: 9007199254740992 }],
    ['n=lt.9007199254740993', true, { n: 9007199254740992 }],
    ['n=gt.-9223372036854775808', true, { n: -7 }],
    ['n=eq.+007', true, { n: 7 }],
    ['score=isdistinct.9', false],
    ['score=isdistinct.8', true],
    ['score=isdistinct.8', true, { score: null }],
    ['score=not.isdistinct.9.0', true],
    ['score=not.isdistinct.9', false, { score: null }],
    ['at=eq.2026-02-11 14:30:00+00', true],
    ['at=eq.2026-02-11T14:30:00.000001Z', false],
    ['at=eq.2026-02-11T14:30:00.000001Z', true, { at: '2026-02-11T14:30:00.000001Z' }],
    ['at=lt.2026-02-11T14:30', false],
    ['at=gte.2026-02-11T14:30', true],
    ['uid=eq.{0F0E0D0C-0B0A-0908-0706-050403020100}', true, { uid: '0f0e0d0c-0b0a-0908-0706-050403020100' }],
    ['id=like.S%', true],
    ['id=like.s%', false],
    ['id=ilike.s_', true],
    ['id=like.*1', true],
    ['id=like.S', false],
    ['id=like.100\\%', true, { id: '100%' }],
    ['id=like.100\\%', false, { id: '1000' }],
    ['id=like.a.c', false, { id: 'abc' }],
    ['id=not.like.S%', false],
    ['id=not.like.S%', false, { id: null }],
    ['id=match.^S\\d$', true],
    ['id=imatch.^s', true],
    ['id=match."^(a|b),c"', true, { id: 'b,c' }],
    ['id=eq.a)b', true, { id: 'a)b' }],
    ['data=is.null', true, {}],
  ];
  for (const [text, expected, values] of cases)
    it(`${JSON.stringify(text)} on ${JSON.stringify(values ?? row)}: ${expected}`, () =>
      assert.equal(passes(text, values), expected));

  const refused: [text: string, reason: RegExp][] = [
    ['id', /expected column=op\.value/],
    ['id=S1', /expected column=op\.value/],
    ['id=eq.S1,', /expected column=op\.value/],
    ['nope=eq.1', /column nope does not exist/],
    ['constructor=eq.1', /column constructor does not exist/],
    ['id=between.1', /operator between is not known/],
    ['id=toString.1', /operator toString is not known/],
    [',id=eq.S1', /expected column=op\.value/],
    ['score=eq.many', /expected a float8 value/],
    ['score=lt.', /expected a float8 value/],
    ['score=eq.0x10', /expected a float8 value/],
    ['score=eq.NaN', /expected a float8 value/],
    ['score=lt.1e999', /expected a float8 value/],
    ['n=eq.1.5', /expected a int8 value/],
    ['n=lt.9223372036854775808', /expected a int8 value/],
    ['score=isdistinct.null', /expected a float8 value/],
    ['score=in.(1,x)', /expected a float8 value/],
    ['ok=eq.maybe', /expected a bool value/],
    ['ok=like.t%', /like needs a text column/],
    ['score=is.true', /needs a bool column/],
    ['data=eq.{}', /expected a jsonb value/],
    ['id=match.(a', /parenthesis is not closed/],
    ['id=match.(a)\\1', /not taken/],
    ['at=gt.yesterday', /expected a timestamptz value/],
    ['at=gt.2026-02-31T00:00Z', /expected a timestamptz value/],
    ['id=in.a,b', /expected a list in parentheses/],
    ['id=in.(a', /expected a list in parentheses/],
    ['id=in.("a)', /not closed/],
    ['id=eq."a', /not closed/],
    ['id=eq.undefined', /undefined/],
    ['ok=is.perhaps', /null, true, false or unknown/],
    [`id=eq.${'x'.repeat(2000)}`, /at most 1024/],
  ];
  for (const [text, reason] of refused)
    it(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
      const filter = parseFilter(text, columns);
      assert.match('refused' in filter ? filter.refused : 'accepted', reason);
    });

  it('names the values by which it is found, where there are such', () => {
    const keyOf = (text: string) => {
      const filter = parseFilter(text, columns);
      return 'refused' in filter ? filter.refused : filter.key;
    };
    assert.deepEqual(keyOf('score=gt.1,id=eq."a,b"'), { column: 'id', values: ['a,b'] });
    assert.deepEqual(keyOf('score=in.(1.0,2)'), { column: 'score', values: ['1', '2'] });
    for (const text of ['id=neq.a', 'id=not.eq.a', 'at=eq.2026-02-11', 'id=like.a'])
      assert.equal(keyOf(text), undefined);
  });

  it('weighs regular expressions by what a character may cost', () => {
    const weights: [text: string, weight: number][] = [
      ['id=eq.a', 0],
      ['id=like.a%', 1],
      ['id=like.a%,id=match.^b', 2],
      ['id=match.(.*a){60}c', 8],
    ];
    for (const [text, weight] of weights) {
      const filter = parseFilter(text, columns);
      assert.equal('expressions' in filter && filter.expressions, weight, text);
    }
  });

  it('never throws, whatever the text', () => {
    const letters = 'id=.,()"\\ eqnot0-score\n😀';
    for (let seed = 1; seed < 3000; seed++) {
      let state = seed;
      let text = '';
      for (let at = 0; at < seed % 23; at++) {
        state = (state * 48271) % 2147483647;
        text += letters[state % letters.length];
      }
      const filter = parseFilter(text, columns);
      if (!('refused' in filter))
        assert.equal(typeof filter.holds(column => (row as Record<string, unknown>)[column]), 'boolean');
    }
  });
});
