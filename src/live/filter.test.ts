// Filters of live channels: what they accept, refuse, and let through.
import assert from 'node:assert/strict';
import { type Columns, both, equalTo, matches, noFilter, parseFilter } from './filter.ts';

const columns: Columns = { id: 'text', score: 'number', ok: 'boolean', at: 'time' };
const row = { id: 'S1', score: 9, ok: true, at: '2026-02-11T14:30:00.000Z' };

function passes(text: string, values: Readonly<Record<string, unknown>> = row): boolean {
  const filter = parseFilter(text, columns);
  assert.ok(!('refused' in filter), JSON.stringify(filter));
  return matches(filter, column => values[column]);
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
    ['id=is.null', true, { id: null }],
    ['id=is.null', true, {}],
    ['id=is.null', false],
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
    ['score=eq.many', /expected a number value/],
    ['score=lt.', /expected a number value/],
    ['ok=eq.maybe', /expected a boolean value/],
    ['at=gt.yesterday', /expected a time value/],
    ['id=in.a,b', /expected a list in parentheses/],
    ['id=in.(a', /not closed/],
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

  it('joins a filter that is demanded with one that is asked for', () => {
    const org = equalTo('org', 'a,"b');
    const read = (org_: unknown, id: string) => (column: string) => (column === 'org' ? org_ : id);
    const asked = parseFilter('id=eq.S1', columns);
    assert.ok(!('refused' in asked));
    const joined = both(org, asked);
    assert.equal(matches(joined, read('a,"b', 'S1')), true);
    assert.equal(matches(joined, read('other', 'S1')), false);
    assert.equal(matches(joined, read(null, 'S1')), false);
    assert.equal(matches(joined, read('a,"b', 'S2')), false);
    assert.equal(both(noFilter, org), org);
    assert.equal(both(org, noFilter), org);
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
        assert.equal(typeof matches(filter, column => (row as Record<string, unknown>)[column]), 'boolean');
    }
  });
});
