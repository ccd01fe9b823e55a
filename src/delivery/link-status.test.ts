// The words and the rate of a link.
import assert from 'node:assert/strict';
import { Fault } from '../kernel/fault.ts';
import { type LinkFigures, linkWords, rateMeter } from './link-status.ts';

describe('link status', () => {
  const calm: LinkFigures = {
    ...{ perSecond: 0, waiting: 0, full: false, unansweredMs: 0, rejected: 0, lastReason: '', dropped: 0, lost: 0 },
    breaker: { state: 'closed' },
    disk: undefined,
  };
  const fault = new Fault('FIELDLINE_DATABASE', 'database: connect ECONNREFUSED', { kind: 'outage' });
  const open = { state: 'open', fault, attempts: 3, since: 0, retryAt: 2500 } as const;
  const disk = { rows: 0, bytes: 0, oldestMs: undefined, blocked: false, fault: undefined };
  const kept = { ...disk, rows: 3400, bytes: 1_230_000, oldestMs: 300_000 };
  const cases: readonly [string, Partial<LinkFigures>, string, string][] = [
    ['idle', {}, 'green', '0.0 rows/s'],
    ['idle with an empty outbox', { disk }, 'green', '0.0 rows/s'],
    ['busy', { perSecond: 1234.5, waiting: 20 }, 'green', '1235 rows/s, 20 waiting'],
    ['full', { perSecond: 5, waiting: 9, full: true }, 'yellow', '5.0 rows/s, 9 waiting, memory full'],
    ['a write that takes its time', { waiting: 9, unansweredMs: 2999 }, 'green', '0.0 rows/s, 9 waiting'],
    [
      'a peer that is silent',
      { waiting: 9, unansweredMs: 12_345 },
      'yellow',
      '0.0 rows/s, 9 waiting, no answer for 12 s',
    ],
    ['refusals', { rejected: 2, lastReason: 'too big' }, 'yellow', '0.0 rows/s, 2 rejected: too big'],
    ['losses', { dropped: 7, lost: 3 }, 'yellow', '0.0 rows/s, 7 dropped, 3 lost to damage'],
    [
      'an outage',
      { waiting: 7, breaker: open },
      'red',
      'database away, retry in 2 s, 7 waiting; database: connect ECONNREFUSED',
    ],
    [
      'an outage with rows on disk',
      { breaker: open, disk: kept },
      'red',
      'database away, retry in 2 s, 3400 on disk (1.2 MB, oldest 5 min); database: connect ECONNREFUSED',
    ],
    [
      'an outage that nothing is sent into',
      { breaker: { ...open, retryAt: 0 }, dropped: 400 },
      'red',
      'database away, tried with the next message, 400 dropped; database: connect ECONNREFUSED',
    ],
    [
      'a probe',
      { breaker: { state: 'probing', fault, attempts: 3, since: 0 } },
      'red',
      'database away, trying; database: connect ECONNREFUSED',
    ],
    ['a drain', { perSecond: 30_000, disk: kept }, 'yellow', '30000 rows/s, 3400 on disk (1.2 MB, oldest 5 min)'],
    [
      'a full outbox',
      { breaker: { ...open, retryAt: 0 }, disk: { ...kept, blocked: true } },
      'red',
      'database away, retry in 0 s, 3400 on disk (1.2 MB, oldest 5 min), outbox full; database: connect ECONNREFUSED',
    ],
    ['a full disk', { disk: { ...disk, fault: 'disk is full' } }, 'red', '0.0 rows/s, the disk refuses: disk is full'],
    [
      'no outbox',
      { disk: { absent: new Fault('FIELDLINE_DIR', 'a.outbox: in use') } },
      'red',
      '0.0 rows/s, no outbox: a.outbox: in use',
    ],
  ];
  for (const [name, figures, fill, text] of cases)
    it(`shows ${name}`, () => {
      assert.deepEqual(linkWords('database', { ...calm, ...figures }, 1000), { fill, text });
    });

  it('measures a rate over whole windows', () => {
    const rate = rateMeter(2000);
    assert.equal(rate.perSecond(0), 0);
    rate.add(100);
    assert.equal(rate.perSecond(1000), 0);
    rate.add(300);
    assert.equal(rate.perSecond(2000), 200);
    assert.equal(rate.perSecond(3000), 200);
    assert.equal(rate.perSecond(4000), 0);
  });
});
