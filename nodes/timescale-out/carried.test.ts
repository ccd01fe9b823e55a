// How much memory a reading takes, about: what bounds the batches and the memory of the link.
import assert from 'node:assert/strict';
import { meterReading } from '../../test/support/timescale-out.ts';
import { bytesOf } from './carried.ts';

const LARGE = 1_000_000;
const text = 'x'.repeat(LARGE);
const circle: Record<string, unknown> = {};
circle['self'] = circle;
const of = (metadata: object) => ({ ...meterReading(1), metadata });

describe('timescale-out: bytes of a reading', () => {
  const cases: readonly [name: string, row: unknown, large: boolean][] = [
    ['a common one', meterReading(1), false],
    ['a large text among its values', meterReading(1, { status: text, power_kw: 1 }), true],
    ['a long frame', of({ rawHex: text }), true],
    ['a picture from a function node', of({ picture: text }), true],
    ['a frame that is none', of({ rawHex: 7 }), false],
    ['unknown fields', of({ extra: { deep: [text] } }), true],
    ['unknown fields that JSON cannot hold', of({ extra: circle }), false],
    ['a text that is no reading', text, true],
    ['an object that is no reading', { text }, true],
    ['nothing', undefined, false],
    ['a circle', circle, false],
  ];
  for (const [name, row, large] of cases)
    it(`${name}: ${large ? 'many' : 'few'}`, () => {
      const bytes = bytesOf({ row });
      assert.ok(large ? bytes >= LARGE && bytes < LARGE + 2000 : bytes >= 100 && bytes < 2000, String(bytes));
    });
});
