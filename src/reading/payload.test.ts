// How deep a long text of JSON is nested, told without parsing it: what stands in quotes does not count.
import assert from 'node:assert/strict';
import { deepText } from './payload.ts';

describe('depth of a long text', () => {
  const blank = ' '.repeat(70_000);
  const nested = (levels: number) => '[{"a":'.repeat(levels / 2) + '}]'.repeat(levels / 2);
  const table: [name: string, text: string, deep: boolean][] = [
    ['32 levels', nested(32), false],
    ['33 levels', `[${nested(32)}]`, true],
    ['levels without end', '['.repeat(100), true],
    ['many, one after the other', '[],{},'.repeat(100), false],
    ['brackets in a text', `["${'['.repeat(100)}"]`, false],
    ['brackets behind a quote in a text', `["\\"${'['.repeat(100)}"]`, false],
    ['brackets behind a text that ends with a backslash', `["\\\\",${'['.repeat(40)}`, true],
    ['a text without end', `"${'['.repeat(100)}`, false],
  ];
  for (const [name, text, deep] of table)
    it(`${name}: ${deep ? 'too deep' : 'not too deep'}`, () => assert.equal(deepText(blank + text), deep));
});
