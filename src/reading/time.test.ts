// Device time: what is a time, which digits survive, and when the time of receipt stands in.
import assert from 'node:assert/strict';
import { isoTime, neededReceipt, saidTime, timeOf } from './time.ts';

describe('reading: time', () => {
  const table: [given: unknown, iso: string | undefined][] = [
    ['2026-01-03T16:00:00Z', '2026-01-03T16:00:00.000Z'],
    ['2026-01-03T16:00:00.5Z', '2026-01-03T16:00:00.500Z'],
    ['2026-01-03T16:00:00.123456Z', '2026-01-03T16:00:00.123456Z'],
    ['2026-01-03T16:00:00.123456789Z', '2026-01-03T16:00:00.123456789Z'],
    ['2026-01-03T17:00:00+01:00', '2026-01-03T16:00:00.000Z'],
    ['2026-01-03T17:00:00.25+0100', '2026-01-03T16:00:00.250Z'],
    ['2026-01-03 17:00:00.25+01', '2026-01-03T16:00:00.250Z'],
    ['2026-01-03T17:00:00-11', '2026-01-04T04:00:00.000Z'],
    ['2026-01-03T17:00:00+1', undefined],
    ['2026-01-03 16:00:00', '2026-01-03T16:00:00.000Z'],
    [1767456000, '2026-01-03T16:00:00.000Z'],
    [1767456000.25, '2026-01-03T16:00:00.250Z'],
    [1767456000000, '2026-01-03T16:00:00.000Z'],
    [1767456000000000, '2026-01-03T16:00:00.000Z'],
    ['1767456000000', '2026-01-03T16:00:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2026-02-29T00:00:00Z', undefined],
    ['2026-04-31T00:00:00Z', undefined],
    ['2026-12-31T23:59:59.9Z', '2026-12-31T23:59:59.900Z'],
    ['2026-00-10T00:00:00Z', undefined],
    ['2026-01-10T00:60:00Z', undefined],
    ['2026-02-31T00:00:00Z', undefined],
    ['2026-01-03T25:00:00Z', undefined],
    ['yesterday', undefined],
    [Number.NaN, undefined],
    [-5, undefined],
    [Number.MAX_VALUE, undefined],
    [{}, undefined],
    ['', undefined],
  ];
  for (const [given, iso] of table)
    it(`${String(given)} is ${iso ?? 'no time'}`, () => assert.equal(isoTime(given), iso));

  const now = Date.UTC(2026, 0, 3, 16);
  const verdicts: [name: string, given: unknown, gateway: boolean][] = [
    ['usable', '2026-01-03T15:59:00Z', false],
    ['nine minutes ahead', now + 9 * 60_000, false],
    ['eleven minutes ahead', now + 11 * 60_000, true],
    ['before 2015', '2014-12-31T23:59:59Z', true],
    ['year 9999', '9999-01-01T00:00:00Z', true],
    ['absent', undefined, true],
    ['null', null, true],
    ['nonsense', 'soon', true],
  ];
  for (const [name, given, gateway] of verdicts)
    it(`${name}: ${gateway ? 'time of receipt' : "the device's own"}`, () => {
      const verdict = timeOf(given, now);
      assert.equal(verdict.timestampSource, gateway ? 'gateway' : undefined);
      if (gateway) assert.equal(verdict.timestamp, '2026-01-03T16:00:00.000Z');
      if (gateway && given !== undefined && given !== null) assert.equal(verdict.deviceTimestamp, String(given));
    });

  it('says what an object said, and only that one is nested without end where it is', () => {
    assert.equal(timeOf({ a: [1] }, now).deviceTimestamp, '{"a":[1]}');
    assert.equal(timeOf(JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)), now).deviceTimestamp, 'nested');
  });

  it('needs the receipt without a time of its own, and on every second delivery', () => {
    const [first, second] = [false, true].map(redelivered => ({ key: 'k', redelivered }));
    const gateway = { timestampSource: 'gateway' } as const;
    assert.deepEqual(
      [
        neededReceipt({}, first),
        neededReceipt({}, second),
        neededReceipt(gateway, first),
        neededReceipt(gateway, undefined),
      ],
      [undefined, second, first, undefined],
    );
  });

  it('looks for what was said under a time that another clock could have believed', () => {
    const said: [given: string | undefined, time: string | undefined][] = [
      ['2026-01-03T17:00:00.5Z', '2026-01-03T17:00:00.500Z'],
      ['1767460000', '2026-01-03T17:06:40.000Z'],
      ['1970-01-01T00:00:00Z', undefined],
      ['0000-01-01T00:00:00Z', undefined],
      ['9999-12-31T23:59:59Z', undefined],
      ['soon', undefined],
      [undefined, undefined],
    ];
    for (const [given, time] of said) assert.equal(saidTime(given, now), time, given);
  });
});
