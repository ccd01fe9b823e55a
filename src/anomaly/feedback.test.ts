// Feedback: what a person said was normal stays so, for that alone, until it is taken back.
import assert from 'node:assert/strict';
import type { Anomaly, Reading } from '../reading/reading.ts';
import { MOST_ACCEPTED } from './cells.ts';
import { type DeviceScorer, deviceScorer } from './device.ts';

const MINUTE = 60_000;
const BEGAN = Date.UTC(2026, 0, 5);
const wobble = (n: number) => ((n * 7919) % 101) / 101 + ((n * 104_729) % 97) / 97;

/** A series that is played on, minute by minute. */
function played(value: (n: number) => number) {
  let scorer: DeviceScorer = deviceScorer();
  let minute = 0;
  const reading = (v: number, anomaly?: Anomaly): Reading => ({
    deviceId: 'm',
    protocol: 'mqtt',
    timestamp: new Date(BEGAN + minute * MINUTE).toISOString(),
    telemetry: { v },
    metadata: anomaly === undefined ? {} : { anomaly },
  });
  const say = (v = value(minute)): Reading => {
    minute++;
    const one = reading(v);
    const anomaly = scorer.score(one);
    return anomaly === undefined ? one : { ...one, metadata: { anomaly } };
  };
  return {
    say,
    go(count: number) {
      for (let n = 0; n < count; n++) say();
    },
    wait: (minutes: number) => {
      minute += minutes - 1;
    },
    accept: (one: Reading) => scorer.accept(one),
    retract: (one: Reading) => scorer.retract(one),
    /** What a killed process finds on the disk. */
    restart() {
      const before = [...scorer.states()];
      scorer = deviceScorer();
      for (const [name, state] of before) assert.ok(scorer.restore(name, state));
    },
  };
}
type Played = ReturnType<typeof played>;
const told = ({ metadata }: Reading): Anomaly => metadata.anomaly ?? { score: Number.NaN, kind: '', metric: '' };

/** 1 for eight minutes, 0 for eight, never quite as long. */
const duty = (n: number) => (Math.floor((n + (wobble(n >> 3) > 1 ? 1 : 0)) / 8) % 2 === 0 ? 1 : 0);
let total = 0;
const counting = (by: number) => {
  total += by;
  return total;
};

describe('feedback', () => {
  const cases: [what: string, value: (n: number) => number, odd: (one: Played) => Reading, kind: RegExp][] = [
    ['a value', n => 20 + wobble(n), one => one.say(40), /spike|range|jump/],
    ['the rate of a counter', n => counting(10 + wobble(n)), one => one.say(counting(400)), /spike|range|jump/],
    [
      'a pause',
      n => 20 + wobble(n),
      one => {
        one.wait(90);
        return one.say();
      },
      /gap/,
    ],
    [
      'a pause behind which the value is odd, too',
      n => 20 + wobble(n),
      one => {
        one.wait(90);
        return one.say(40);
      },
      /gap/,
    ],
    [
      'a drift',
      n => 20 + wobble(n),
      one => {
        let last = one.say();
        for (let n = 0; n < 100 && !(told(last).score < 0); n++) last = one.say(20.4 + wobble(n));
        return last;
      },
      /drift/,
    ],
    [
      'a switch that stays off',
      duty,
      one => {
        let last = one.say(0);
        for (let n = 0; n < 30 && !(told(last).score < 0); n++) last = one.say(0);
        return last;
      },
      /stuck/,
    ],
    [
      'a short run',
      duty,
      one => {
        for (const state of [1, 0]) while (one.say().telemetry['v'] === state);
        return one.say(0);
      },
      /pulse/,
    ],
  ];
  for (const [what, value, odd, kind] of cases) {
    const begun = (): readonly [one: Played, alarm: Reading] => {
      const one = played(value);
      one.go(1200);
      const alarm = odd(one);
      assert.match(told(alarm).kind, kind);
      assert.ok(told(alarm).score < 0);
      return [one, alarm];
    };
    it(`lets ${what} pass, thousands of values later and after a restart`, () => {
      const [one, alarm] = begun();
      assert.equal(one.accept(alarm), 1);
      one.restart();
      one.go(6000);
      const later = odd(one);
      assert.ok(told(later).score >= 0, JSON.stringify(told(later)));
    });

    it(`judges ${what} again when that is taken back, also after a restart, and knows when there is nothing to take back`, () => {
      const [one, alarm] = begun();
      assert.equal(one.retract(alarm), 0, 'it was never said');
      one.go(500);
      one.accept(alarm);
      one.accept(alarm);
      one.restart();
      one.go(500);
      assert.equal(one.retract(JSON.parse(JSON.stringify(alarm))), 1);
      assert.equal(one.retract(alarm), 0, 'it was taken back');
      one.restart();
      one.go(6000);
      assert.ok(told(odd(one)).score < 0);
    });
  }

  it('lets values pass that vary about an accepted one as those of the series do, and no others', () => {
    const one = played(n => 20 + wobble(n));
    one.go(1200);
    const alarm = one.say(24);
    assert.ok(told(alarm).score < 0);
    one.accept(alarm);
    for (const [value, passes] of [
      [25.2, true],
      [23.2, true],
      [28, false],
    ] as const) {
      one.go(1500);
      assert.equal(told(one.say(value)).score >= 0, passes, `${value}`);
    }
  });

  // Once it is over, a series knows of a stretch without being told.
  const stuck = (): readonly [one: Played, alarm: Reading] => {
    const one = played(n => 20 + wobble(n));
    one.go(1200);
    let last = one.say(21);
    while (told(last).kind !== 'stuck') last = one.say(21);
    return [one, last];
  };
  it('lets a stretch of equal values go on, until that is taken back', () => {
    const [one, alarm] = stuck();
    assert.equal(one.accept(alarm), 1);
    for (let n = 0; n < 10; n++) assert.notEqual(told(one.say(21)).kind, 'stuck');
    one.restart();
    assert.notEqual(told(one.say(21)).kind, 'stuck');
    assert.equal(one.retract(alarm), 1);
    assert.equal(told(one.say(21)).kind, 'stuck');
  });

  it('lets 0 by day be, until that is taken back', () => {
    const DAY = 1440;
    const one = played(n => Math.max(0, Math.sin((2 * Math.PI * n) / DAY)) * (3000 + 500 * wobble(n)));
    one.go(12 * DAY);
    const untilStuck = (most: number): Reading | undefined => {
      for (let n = 0; n < most; n++) {
        const last = one.say(0);
        if (told(last).kind === 'stuck') return last;
      }
      return undefined;
    };
    const alarm = untilStuck(300);
    assert.ok(alarm !== undefined);
    one.accept(alarm);
    one.restart();
    assert.equal(untilStuck(100), undefined);
    assert.equal(one.retract(alarm), 1);
    one.restart();
    assert.ok(untilStuck(60) !== undefined);
  });

  it('of a stretch of equal values says nothing of pauses', () => {
    const [one, alarm] = stuck();
    for (let n = 0; n < 30; n++) one.say(21);
    one.accept(alarm);
    one.wait(12);
    assert.equal(told(one.say()).kind, 'gap');
  });

  it(`keeps the last ${MOST_ACCEPTED}`, () => {
    const one = played(n => 20 + wobble(n));
    one.go(1200);
    const values = Array.from({ length: MOST_ACCEPTED + 1 }, (_, n) => one.say(100 + 50 * n));
    for (const value of values) assert.equal(one.accept(value), 1);
    assert.deepEqual(
      values.map(value => one.retract(value)),
      [0, ...values.slice(1).map(() => 1)],
    );
  });

  // What happens to a device shows in several of its metrics, and a person has one word for it.
  const meter = () => {
    const scorer = deviceScorer();
    let minute = 0;
    const say = (more = 0, pause = 1): Reading => {
      minute += pause;
      const telemetry = {
        power: 2 + wobble(minute) + more,
        current: 9 + 3 * wobble(7 * minute) + 4 * more,
        mode: 'on',
      };
      const timestamp = new Date(BEGAN + minute * MINUTE).toISOString();
      const one: Reading = { deviceId: 'm', protocol: 'mqtt', timestamp, telemetry, metadata: {} };
      const anomaly = scorer.score(one);
      return anomaly === undefined ? one : { ...one, metadata: { anomaly } };
    };
    const go = (count: number) => {
      for (let n = 0; n < count; n++) say();
    };
    go(1200);
    return { scorer, say, go };
  };
  /** As a list of anomalies sends it back: of a table with a row for each metric. */
  const asListed = ({ telemetry, ...one }: Reading): Reading => {
    const { metric = '' } = one.metadata.anomaly!;
    return JSON.parse(JSON.stringify({ ...one, telemetry: { [metric]: telemetry[metric] } })) as Reading;
  };
  const events: [what: string, more: number, pause: number][] = [
    ['a value that two metrics show', 40, 1],
    ['a pause of all metrics', 0, 90],
  ];
  for (const [what, more, pause] of events)
    it(`takes the word for ${what} for both, names both, and takes it back for both`, () => {
      const { scorer, say, go } = meter();
      const alarm = asListed(say(more, pause));
      const { metric, also = [] } = alarm.metadata.anomaly!;
      assert.deepEqual([metric, ...also.map(one => one.metric)].sort(), ['current', 'power']);
      assert.ok(also.every(one => one.score < 0));
      go(1500);
      assert.equal(scorer.accept(alarm), 2);
      go(1500);
      const next = say(more, pause);
      assert.ok(told(next).score >= 0, JSON.stringify(told(next)));
      go(1500);
      assert.equal(scorer.retract(alarm), 2);
      go(6000);
      assert.equal(told(say(more, pause)).also?.length, 1);
    });

  const hostile: [what: string, anomaly: unknown][] = [
    [
      'others that are none',
      { metric: 'v', kind: 'spike', also: [null, 7, {}, { metric: 'v', value: 'x' }, { metric: {} }] },
    ],
    ['others that are no list', { metric: 'v', kind: 'spike', also: { length: 9 } }],
    ['numbers that are texts', { metric: 'v', kind: 'gap', expected: 'much', since: 7 }],
    ['a time that is none', { metric: 'v', kind: 'stuck', since: 'yesterday' }],
    ['what is not finite', { metric: 'v', kind: 'pulse', expected: Number.POSITIVE_INFINITY, judged: Number.NaN }],
  ];
  for (const [what, anomaly] of hostile)
    it(`takes no harm from ${what}`, () => {
      const one = played(n => 20 + wobble(n));
      one.go(1200);
      one.accept({ ...one.say(), metadata: { anomaly: anomaly as Anomaly } });
      for (let n = 0; n < 100; n++) assert.ok(Number.isFinite(told(one.say()).score));
      assert.ok(told(one.say(60)).score < 0);
    });
});
