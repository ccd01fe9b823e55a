// Status texts and events: what an operator reads, for each state.
import assert from 'node:assert/strict';
import { ModbusFault } from './fault.ts';
import type { Backlog } from './outlet.ts';
import type { Health } from './health.ts';
import { eventOf, statusOf } from './status.ts';

const well: Health = {
  state: 'ok',
  faults: [],
  met: [],
  values: 4,
  absent: {},
  unusable: 0,
  polls: 9,
  overruns: 0,
  lastReadingAt: 1000,
  ratePerS: 1,
  tookMs: 3,
};
const silent = new ModbusFault('timeout', 'holding 0-3 of unit 1: no answer within 1000 ms');
const refused = new ModbusFault('exception', 'holding 10 of unit 1: exception 02 illegal data address', 2);

const none: Backlog = { open: 1, reason: '', full: false, dropped: 0 };

describe('status of a poll', () => {
  const cases: [health: Partial<Health>, now: number, status: readonly [string, string], backlog?: Backlog][] = [
    [{ state: 'starting', lastReadingAt: undefined }, 0, ['yellow', 'first poll']],
    [{}, 1400, ['green', '4 values, 0.4 s ago, 1.0/s']],
    [{ ratePerS: 49.7 }, 301_000, ['green', '4 values, 5 min ago, 50/s']],
    [
      { values: 3, absent: { temperature: 'not a number' } },
      1400,
      ['yellow', '3 of 4 values, 0.4 s ago, 1.0/s; temperature: not a number'],
    ],
    [
      { values: 0, lastReadingAt: undefined, absent: { power: 'not a number' } },
      1400,
      ['yellow', '0 of 1 values, no value yet; power: not a number'],
    ],
    [
      { values: 0, absent: { power: 'not a number' } },
      13_000,
      ['yellow', '0 of 1 values, last value 12 s ago; power: not a number'],
    ],
    [
      { state: 'partial', faults: [refused], values: 3, absent: { status: 'exception 02 illegal data address' } },
      13_000,
      [
        'yellow',
        '3 of 4 values, 12 s ago, 1.0/s; status: exception 02 illegal data address; check address and base of the register map (off by one?), lower the gap budget',
      ],
    ],
    [
      { state: 'failing', faults: [silent], lastReadingAt: undefined },
      5000,
      [
        'red',
        'holding 0-3 of unit 1: no answer within 1000 ms; check unit id, wiring and power, or allow more time; no value yet',
      ],
    ],
    [
      {},
      1400,
      ['yellow', '12 readings wait (database away); last value 0.4 s ago'],
      { ...none, open: 12, reason: 'database away' },
    ],
    [
      {},
      1400,
      ['red', '1000 readings wait (database away); 17 dropped; last value 0.4 s ago'],
      { open: 1000, reason: 'database away', full: true, dropped: 17 },
    ],
    [{ overruns: 3 }, 1400, ['green', '4 values, 0.4 s ago, 1.0/s, 3 overruns; 17 dropped'], { ...none, dropped: 17 }],
  ];
  for (const [health, now, status, backlog = none] of cases)
    it(status[1], () => assert.deepEqual(statusOf({ ...well, ...health }, backlog, now), status));
});

describe('event of a poll', () => {
  it('tells state, faults with advice, and what is absent', () => {
    assert.deepEqual(eventOf({ ...well, state: 'partial', faults: [refused], absent: { status: 'x' } }, 'd').payload, {
      deviceId: 'd',
      state: 'partial',
      faults: [{ trouble: 'exception', exception: 2, message: refused.message, advice: refused.advice }],
      quality: { status: 'x' },
    });
  });

  it('is no change while only the waiting time of a quarantine changes', () => {
    const quarantined = new ModbusFault('quarantine', 'unit 1 failed 3 times (no answer); next try in 7 s');
    const change = (fault: ModbusFault) => eventOf({ ...well, state: 'failing', faults: [fault] }, 'd').change;
    assert.equal(change(silent), change(quarantined));
    assert.notEqual(change(silent), change(refused));
    assert.notEqual(change(silent), eventOf(well, 'd').change);
  });
});
