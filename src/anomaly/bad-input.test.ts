// Whatever comes, the outcome is clear: no number, no score; a number, a finite score; never more series than allowed.
import assert from 'node:assert/strict';
import type { Reading, Value } from '../reading/reading.ts';
import { deviceScorer } from './device.ts';

const START = Date.UTC(2026, 0, 5);
const wobble = (at: number) => ((at * 7919) % 101) / 101 + ((at * 104_729) % 97) / 97;
const reading = (timestamp: string, value: unknown, deviceId = 'm'): Reading => ({
  deviceId,
  protocol: 'mqtt',
  timestamp,
  telemetry: { v: value as Value },
  metadata: {},
});
const at = (minute: number): string => new Date(START + minute * 60_000).toISOString();
const grown = () => {
  const scorer = deviceScorer();
  for (let minute = 0; minute < 800; minute++) scorer.score(reading(at(minute), 20 + wobble(minute)));
  return scorer;
};
const finite = ({
  score = Number.NaN,
  expected = 0,
  band = [0, 0],
}: NonNullable<ReturnType<ReturnType<typeof grown>['score']>>) =>
  [score, expected, ...band].every(Number.isFinite) && score >= -1 && score <= 1;

describe('bad input', () => {
  for (const value of [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    null,
    undefined,
    'text',
    '20',
    '',
    true,
    {},
    [20],
  ])
    it(`${typeof value} ${String(value)}: no score, and nothing learned of it`, () => {
      const [one, other] = [grown(), grown()];
      assert.equal(one.score(reading(at(800), value)), undefined);
      assert.deepEqual(one.score(reading(at(801), 20.5)), other.score(reading(at(801), 20.5)));
    });

  for (const value of [0, -0, 1e308, -1e308, Number.MIN_VALUE, Number.MAX_SAFE_INTEGER])
    it(`${value}: a finite score, also of what follows`, () => {
      const scorer = grown();
      for (const [minute, one] of [value, 20.5, 21, value, 20.7].entries()) {
        const anomaly = scorer.score(reading(at(800 + minute), one));
        assert.ok(anomaly !== undefined && finite(anomaly), JSON.stringify(anomaly));
      }
    });

  const times: [name: string, timestamp: string, kind: string][] = [
    ['a time that came before', at(799), 'normal'],
    ['a time long past', at(-100_000), 'normal'],
    ['a time far ahead', at(1_000_000), 'gap'],
    ['the last time there is', '+275760-09-13T00:00:00.000Z', 'gap'],
    ['before 1970', '1930-01-01T00:00:00.000Z', 'normal'],
    ['no time', 'yesterday', 'normal'],
    ['an empty time', '', 'normal'],
  ];
  for (const [name, timestamp, kind] of times)
    it(`${name}: ${kind}, and the next value is judged as ever`, () => {
      const scorer = grown();
      const anomaly = scorer.score(reading(timestamp, 20.5));
      assert.equal(anomaly?.kind, kind);
      const next = scorer.score(reading(at(801), 20.6));
      assert.ok(next !== undefined && finite(next) && next.score >= 0, JSON.stringify(next));
      const spike = scorer.score(reading(at(802), 60));
      assert.ok(spike !== undefined && spike.score < 0, JSON.stringify(spike));
    });

  it('a constant series never alarms, its first value and its first change are no alarm while it learns', () => {
    const scorer = deviceScorer();
    for (let minute = 0; minute < 3000; minute++)
      assert.ok((scorer.score(reading(at(minute), minute === 30 ? 8 : 7))?.score ?? -1) >= 0, `${minute}`);
  });

  for (const wild of [1e308, -1e38, 65_535, 300])
    it(`a first value of ${wild} blinds nobody: the spikes after it are found, and nothing else`, () => {
      const scorer = deviceScorer();
      const found: number[] = [];
      for (let minute = 0; minute < 1000; minute++) {
        const usual = 20 + ((minute * 7919) % 101) / 101 + ((minute * 104_729) % 97) / 97;
        const value = minute === 0 ? wild : minute === 300 || minute === 900 ? 50 : usual;
        if (scorer.score(reading(at(minute), value))!.score < 0) found.push(minute);
      }
      assert.deepEqual(found, [300, 900]);
    });

  it('names of any length: a series each, kept over a restart under a short one, and told by the whole one', () => {
    const [one, other] = [deviceScorer(), deviceScorer()];
    const names = ['a', 'b'].map(end => `😀"\n${'m'.repeat(1_000_000)}${end}`);
    const of = (minute: number, values: readonly number[]): Reading => ({
      ...reading(at(minute), 0, 'd'.repeat(1_000_000)),
      telemetry: Object.fromEntries(names.map((name, place) => [name, values[place]!])),
    });
    for (let minute = 0; minute < 200; minute++) one.score(of(minute, [20 + wobble(minute), 900]));
    for (const [name, state] of one.states()) {
      assert.ok(Buffer.byteLength(name) < 4096, `${name.length}`);
      assert.ok(other.restore(name, state));
    }
    const spike = of(200, [60, 900]);
    const told = other.score(spike);
    assert.deepEqual(told, one.score(spike));
    assert.ok(told !== undefined && told.metric === names[0] && told.score < 0);
    assert.equal(other.accept({ ...spike, metadata: { anomaly: told } }), 1);
    assert.equal(other.accept(spike), 2);
  });

  it('ever new keys: as many series as allowed, the rest counted as forgotten', () => {
    const scorer = deviceScorer({ maxSeries: 100 });
    for (let key = 0; key < 20_000; key++) scorer.score(reading(at(0), 1, `device ${key}`));
    assert.deepEqual([scorer.size, scorer.evicted, [...scorer.states()].length], [100, 19_900, 100]);
  });

  for (const others of [0, 50])
    it(`ever new metrics of one device, beside ${others} others: what still comes is kept, of all devices`, () => {
      const scorer = deviceScorer({ maxSeries: 1000 });
      const say = (device: string, minute: number, telemetry: Reading['telemetry']) =>
        scorer.score({ ...reading(at(minute), 0, device), telemetry });
      const kinds = new Set<string | undefined>();
      for (let minute = 0; minute < 3000; minute++) {
        const told = Array.from({ length: others }, (_, n) =>
          say(`device ${n}`, minute, { a: wobble(minute + n), b: wobble(minute - n) }),
        );
        told.push(say('crowded', minute, { [`id ${minute}`]: 1, steady: wobble(minute) }));
        if (minute > 100) for (const one of told) kinds.add(one?.kind);
      }
      assert.ok(!kinds.has('learning'));
      assert.ok((say('crowded', 3000, { steady: 90 })?.score ?? 1) < 0, 'what comes each time is known');
      assert.equal(scorer.size, 1000);
    });
});
