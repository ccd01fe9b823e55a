// The linear regular expressions: they agree with the usual ones, refuse what they do not take, and no pattern makes them slow.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compile } from './regexp.ts';

function matches(pattern: string, text: string, ignoreCase = false): boolean {
  const test = compile(pattern, ignoreCase);
  assert.equal(typeof test, 'function', `${pattern}: ${JSON.stringify(test)}`);
  return (test as (text: string) => boolean)(text);
}

describe('linear regular expressions', () => {
  const cases: [pattern: string, text: string, expected: boolean][] = [
    ['', '', true],
    ['', 'a', true],
    ['a', 'bab', true],
    ['^a', 'ba', false],
    ['a$', 'ba', true],
    ['^$', '', true],
    ['^a*$', 'aaa', true],
    ['^(ab|c)+$', 'abcab', true],
    ['^(ab|c)+$', 'aba', false],
    ['^a{2,3}$', 'aaaa', false],
    ['^a{2,3}$', 'aaa', true],
    ['^a{2,}$', 'aaaaa', true],
    ['^a{0}$', '', true],
    ['^[a-c_-]+$', 'ab_c-', true],
    ['^[^a-c]+$', 'xyz', true],
    ['^[^a-c]+$', 'xaz', false],
    ['^[]a]+$', ']a', true],
    ['^[[:digit:]]+$', '123', true],
    ['^\\d{3}-\\w+\\s?$', '123-ab ', true],
    ['^a\\.b$', 'a.b', true],
    ['^a\\.b$', 'axb', false],
    ['^.$', '😀', true],
    ['^.$', '\n', true],
    ['^(?:a|b)c$', 'bc', true],
    ['a|b|c', 'zc', true],
    ['^(a|)$', '', true],
    ['x{', 'x{', true],
    ['(a*)*$', 'b', true],
    ['^(){2}{3}a$', 'a', true],
    // More repetitions than can be counted, of nothing.
    [`^()${'{255}'.repeat(100)}a$`, 'a', true],
    [`^(b{0}|)${'{0,1}'.repeat(50)}a$`, 'a', true],
  ];
  for (const [pattern, text, expected] of cases)
    it(`${JSON.stringify(pattern)} on ${JSON.stringify(text)}: ${expected}`, () =>
      assert.equal(matches(pattern, text), expected));

  it('takes either case where asked', () => {
    assert.equal(matches('^PUMP-[a-c]$', 'pump-B', true), true);
    assert.equal(matches('^[^a]$', 'A', true), false);
    assert.equal(matches('^ä$', 'Ä', true), true);
    assert.equal(matches('^PUMP', 'pump'), false);
  });

  for (const pattern of [
    '(a',
    'a)',
    '[a',
    '*a',
    '(a)\\1',
    '(?=a)',
    '(?<n>a)',
    'a{3,2}',
    'a{999}',
    '(a{100}){100}',
    'a\\',
    '[z-a]',
    '[[:valueOf:]]',
    '[[:toString:]]',
  ])
    it(`refuses ${pattern}`, () => {
      const test = compile(pattern, false);
      assert.ok(typeof test === 'object' && test.refused.startsWith('regular expression: '), String(test));
    });

  it('agrees with the usual ones', () => {
    const piece = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', '(a|b)', '(ab)', '(a|)');
    const sign = fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,3}', '{0,2}', '*?');
    const pattern = fc
      .array(fc.tuple(piece, sign), { maxLength: 6 })
      .map(parts => parts.map(([one, repeats]) => one + repeats).join(''));
    const anchored = fc.tuple(fc.constantFrom('', '^'), pattern, fc.constantFrom('', '$')).map(all => all.join(''));
    fc.assert(
      fc.property(anchored, fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 }), (source, text) => {
        assert.equal(matches(source, text), new RegExp(source, 's').test(text));
      }),
    );
  });

  it('never throws, whatever the pattern', () => {
    const odd = fc.string({ unit: fc.constantFrom(...'ab()[]{}*+?|\\^$.,-:1=!<'), maxLength: 30 });
    fc.assert(
      fc.property(odd, fc.string(), (pattern, text) => {
        const test = compile(pattern, false);
        if (typeof test === 'function') test(text);
      }),
    );
  });

  // Each takes longer than the universe exists where paths are tried one after the other.
  for (const pattern of ['^(a+)+$', '^(a|a)*$', '^(a*)*b$', '^(a?){50}a{50}$', '(x+x+)+y'])
    it(`does not explode: ${pattern}`, () =>
      assert.equal(matches(pattern, `${pattern.includes('x') ? 'x' : 'a'}`.repeat(4000) + '!'), false));
});
