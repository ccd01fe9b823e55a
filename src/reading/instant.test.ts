// Times of readings as numbers: microseconds where the text has Z and no finer digits, milliseconds for any time.
import assert from 'node:assert/strict';
import { microseconds, milliseconds } from './instant.ts';

describe('instant', () => {
  it('knows the microseconds of times with Z, and of nothing else', () => {
    for (const [text, us] of [
      ['1970-01-01T00:00:00Z', 0],
      ['2026-11-21T03:42:02.123456Z', 1_795_232_522_123_456],
      ['1969-12-31T23:59:59.9Z', -100_000],
      ['2026-11-21T03:42:02.123456789Z', Number.NaN],
      ['2026-02-30T00:00:00Z', Number.NaN],
      ['2026-11-21T03:42:02+01:00', Number.NaN],
    ] as const)
      assert.equal(microseconds(text), us, text);
  });

  it('says of every text what Date.parse says', () => {
    const texts = [
      ...['', 'soon', '2026', '2026-11-21', '2026-11-21T03:42Z', '2026-11-21T03:42:02', '2026-11-21T03:42:02+01:00'],
      ...['2026-02-30T00:00:00Z', '2026-02-32T00:00:00Z', '2026-11-21T24:00:00Z', '2026-11-21T23:60:00Z'],
      ...['0000-01-01T00:00:00Z', '0001-12-31T23:59:59.999Z', '2100-02-29T00:00:00Z', '9999-12-31T23:59:59.999999999Z'],
    ];
    for (let day = -719_528; day < 2_932_896; day += 997) {
      const text = new Date(day * 86_400_000 + ((day * 7919) % 86_400_000)).toISOString();
      texts.push(text, `${text.slice(0, -1)}987Z`, `${text.slice(0, -1)}987654Z`, `${text.slice(0, 19)}Z`);
    }
    for (const text of texts) assert.equal(milliseconds(text), Date.parse(text), text);
  });
});
