// Device scorer: the lowest of a reading's metrics, keys of series, bounds, and the same result for a reading sent again.
import assert from 'node:assert/strict';
import type { Reading } from '../reading/reading.ts';
import { deviceScorer, seriesKey } from './device.ts';

const reading = (
  at: number,
  telemetry: Reading['telemetry'],
  metadata: Reading['metadata'] = { digest: `d${at}` },
): Reading => ({
  deviceId: 'm',
  protocol: 'mqtt',
  timestamp: new Date(Date.UTC(2026, 0, 5) + at * 60_000).toISOString(),
  telemetry,
  metadata,
});
const wobble = (at: number) => Math.sin(at * 12.9898) % 1;

describe('device scorer', () => {
  it('gives the lowest score of all metrics and names the metric', () => {
    const scorer = deviceScorer();
    for (let at = 0; at < 300; at++)
      scorer.score(reading(at, { voltage: 230 + wobble(at), current: 5 + wobble(at * 7), text: 'x', ok: true }));
    const anomaly = scorer.score(reading(300, { voltage: 230, current: 50 }));
    assert.equal(anomaly?.metric, 'current');
    assert.ok((anomaly?.score ?? 1) < 0);
    assert.match(anomaly?.since ?? '', /^2026-01-05T05:00:00\.000Z$/);
    assert.equal(scorer.size, 2);
  });

  it('names at most sixteen others that are reported with it, briefly, the worst first', () => {
    const scorer = deviceScorer();
    const many = (at: number, more = 0) =>
      Object.fromEntries(
        Array.from({ length: 100 }, (_, n) => [`metric_${n}`, 5 + wobble(at * (n + 3)) + more * (n + 1)]),
      );
    for (let at = 0; at < 300; at++) scorer.score(reading(at, many(at)));
    for (const told of [reading(400, many(400)), reading(401, many(401, 50))].map(one => scorer.score(one))) {
      const scores = told?.also?.map(({ score }) => score) ?? [];
      assert.equal(scores.length, 16);
      assert.deepEqual(
        scores,
        [...scores].sort((one, other) => one - other),
      );
      assert.ok(JSON.stringify(told?.also).length < 16 * 256, 'it stands in each row of the reading');
    }
  });

  it('tells a value outside the vocabulary with the unit that its message gives', () => {
    const scorer = deviceScorer();
    for (let at = 0; at < 300; at++) scorer.score(reading(at, { flow: 5 + wobble(at), unit: 'm³/h' }));
    const said = scorer.score(reading(300, { flow: 50, unit: 'm³/h' }))?.why ?? '';
    assert.match(said, /^flow is 50\.\d* m³\/h, .* about [\d.]+ m³\/h was expected/);
  });

  it('is learning at first, and has nothing to say of a reading without numbers', () => {
    const scorer = deviceScorer();
    assert.deepEqual(scorer.score(reading(0, { a: 1 })), { score: 1, kind: 'learning', metric: 'a' });
    assert.equal(scorer.score(reading(1, { a: 'x', b: true, c: Number.NaN })), undefined);
  });

  it('gives a reading that is sent again the same result and learns nothing of it', () => {
    const [once, again] = [deviceScorer(), deviceScorer()];
    const results = (scorer: ReturnType<typeof deviceScorer>, times: number) =>
      Array.from({ length: 500 }, (_, at) => {
        const one = reading(at, { v: at === 400 ? 30 : wobble(at) });
        const scores = Array.from({ length: times }, () => scorer.score(structuredClone(one)));
        for (const score of scores) assert.deepEqual(score, scores[0]);
        return scores[0];
      });
    assert.deepEqual(results(again, 3), results(once, 1));
  });

  it('remembers that of a whole batch', () => {
    const scorer = deviceScorer({ remembered: 200 });
    const batch = Array.from({ length: 200 }, (_, at) => reading(at, { v: wobble(at) }));
    const first = batch.map(one => scorer.score(one));
    assert.deepEqual(
      batch.map(one => scorer.score(one)),
      first,
    );
  });

  it('holds at most so many series', () => {
    const scorer = deviceScorer({ maxSeries: 3 });
    for (let at = 0; at < 5; at++) scorer.score(reading(at, { [`metric${at}`]: 1 }));
    assert.deepEqual([scorer.size, scorer.evicted], [3, 2]);
  });

  it('keeps short what stands for a key of any length, and for a device', () => {
    const scorer = deviceScorer();
    const long = (end: string) => `${'x'.repeat(5000)}${end}`;
    const of = (end: string, metadata = {}) => ({ ...reading(0, { a: 1 }), deviceId: long(end), metadata });
    for (const end of ['1', '2', '1']) scorer.score(of(end));
    assert.deepEqual(
      [...scorer.states()].map(([name]) => name.length < 100),
      [true, true],
    );
    assert.equal(scorer.accept(of('2')), 1);
    assert.equal(scorer.accept(of('3')), 0);
    const other = deviceScorer();
    for (const [name, state] of scorer.states()) assert.ok(other.restore(name, state));
    assert.equal(other.accept(of('1')), 1);
    assert.equal(other.lastTime(long('1'), 'a'), Date.parse(reading(0, { a: 1 }).timestamp));
  });

  it('forgets the device that was quiet for longest, not the one that speaks', () => {
    const scorer = deviceScorer({ maxSeries: 4 });
    const say = (at: number, deviceId: string, ...metrics: string[]) =>
      scorer.score({ ...reading(at, Object.fromEntries(metrics.map(metric => [metric, 1]))), deviceId });
    say(0, 'a', 'v', 'w');
    say(1, 'b', 'v', 'w');
    say(2, 'a', 'v', 'w');
    say(3, 'c', 'v');
    const names = [...scorer.states()].map(([name]) => name);
    assert.deepEqual([names, scorer.size, scorer.evicted], [['1:av', '1:aw', '1:cv'], 3, 2]);
  });

  it('takes "this was normal" of the value that the reading gives, however many came since', () => {
    const scorer = deviceScorer();
    const grow = (from: number, to: number) => {
      for (let at = from; at < to; at++) scorer.score(reading(at, { v: 20 + wobble(at) }, {}));
    };
    grow(0, 900);
    const spike = reading(900, { v: 40 }, {});
    const anomaly = scorer.score(spike);
    assert.ok(anomaly !== undefined && anomaly.score < 0);
    grow(901, 1600);
    assert.equal(scorer.accept({ ...spike, metadata: { anomaly } }), 1);
    assert.ok((scorer.score(reading(1600, { v: 40.4 }, {}))?.score ?? -1) >= 0, 'the next like it');
    grow(1601, 2300);
    assert.ok((scorer.score(reading(2300, { v: 60 }, {}))?.score ?? 1) < 0, 'another one');
  });

  it('takes it of a pause, and of the rate of a counter', () => {
    const scorer = deviceScorer();
    let total = 0;
    const rising = (at: number, by: number) => {
      total += by;
      return reading(at, { total }, {});
    };
    const grow = (from: number, to: number) => {
      for (let at = from; at < to; at++) scorer.score(rising(at, 10 + wobble(at)));
    };
    const feedback = (one: Reading) => {
      const anomaly = scorer.score(one);
      assert.ok(anomaly !== undefined && anomaly.score < 0, JSON.stringify(anomaly));
      return () => scorer.accept({ ...one, metadata: { anomaly } });
    };
    grow(0, 900);
    const leap = feedback(rising(900, 500));
    grow(901, 1600);
    assert.equal(leap(), 1);
    assert.ok((scorer.score(rising(1600, 500))?.score ?? -1) >= 0);
    grow(1601, 2000);
    const pause = feedback(rising(2099, 1000));
    grow(2100, 2500);
    assert.equal(pause(), 1);
    assert.notEqual(scorer.score(rising(2599, 1000))?.kind, 'gap');
  });

  it('takes a silence to which nobody listened for none, and learns nothing of it', () => {
    const absences = new Map([
      ['a', [300, 400]],
      ['b', [300, 310]],
    ]);
    const scorer = deviceScorer({
      unheard(of, from, to) {
        const [begin = 0, end = 0] = absences.get(String(of?.metadata.entry)) ?? [];
        const at = (minute: number) => Date.UTC(2026, 0, 5) + minute * 60_000;
        return Math.max(0, Math.min(to, at(end)) - Math.max(from, at(begin)));
      },
    });
    const of = (entry: string, minute: number) =>
      scorer.score(reading(minute, { v: wobble(minute) }, { digest: `${entry}${minute}`, entry }), entry)?.kind;
    for (let minute = 0; minute <= 300; minute++) for (const entry of ['a', 'b', 'c']) of(entry, minute);
    assert.deepEqual(
      ['a', 'b', 'c'].map(entry => of(entry, 400) === 'gap'),
      [false, true, true],
    );
    of('a', 401);
    assert.equal(of('a', 420), 'gap', 'the silence of before was not learned as usual');
  });

  it('keeps series of other keys apart', () => {
    const scorer = deviceScorer();
    scorer.score(reading(0, { v: 1 }), 'a');
    scorer.score(reading(1, { v: 1 }), 'b');
    scorer.score(reading(2, { v: 1 }), 'a');
    assert.equal(scorer.size, 2);
  });

  const keys: [metadata: Reading['metadata'], telemetry: Reading['telemetry'], key: string][] = [
    [{ elementId: 'e', elementType: 't' }, { value_mm: 1 }, 'e'],
    [{ elementType: 't' }, { value_mm: 1 }, 't'],
    [{}, { value_mm: 1 }, 'm'],
    [{ elementId: '', elementType: 't' }, { value_mm: 1 }, 't'],
    [{ elementId: '', elementType: '' }, { value_mm: 1 }, 'm'],
    [{ elementId: 7 as unknown as string }, { value_mm: 1 }, '7'],
    [{ elementId: 0 as unknown as string, elementType: 't' }, { value_mm: 1 }, '0'],
    [{ elementId: null as unknown as string, elementType: 't' }, { value_mm: 1 }, 't'],
    [{ elementId: 'e' }, { power: 1 }, 'm'],
  ];
  for (const [metadata, telemetry, key] of keys)
    it(`key of ${JSON.stringify({ metadata, telemetry })} is ${key}`, () =>
      assert.equal(seriesKey(reading(0, telemetry, metadata)), key));
});
