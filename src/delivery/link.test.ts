// The words and the rate of a link.
import assert from 'node:assert/strict';
import { Fault } from '../kernel/fault.ts';
import { linkWords, rateMeter } from './link.ts';

describe('link', () => {
  const calm = { perSecond: 0, waiting: 0, full: false, rejected: 0, lastReason: '' };
  const away = new Fault('FIELDLINE_DATABASE', 'database: connect ECONNREFUSED', { kind: 'outage' });
  const cases: readonly [string, Parameters<typeof linkWords>[1], Partial<typeof calm>, string, string][] = [
    ['idle', { away: undefined }, {}, 'green', '0.0 rows/s'],
    ['busy', { away: undefined }, { perSecond: 1234.5, waiting: 20 }, 'green', '1235 rows/s, 20 waiting'],
    [
      'full',
      { away: undefined },
      { perSecond: 5, waiting: 9, full: true },
      'yellow',
      '5.0 rows/s, 9 waiting, memory full',
    ],
    [
      'refusals',
      { away: undefined },
      { rejected: 2, lastReason: 'too big' },
      'yellow',
      '0.0 rows/s, 2 rejected: too big',
    ],
    [
      'outage',
      { away, attempts: 3, retryAt: 2500 },
      { waiting: 7 },
      'red',
      'database away, retry in 2 s, 7 waiting; database: connect ECONNREFUSED',
    ],
    [
      'overdue',
      { away, attempts: 3, retryAt: 0 },
      { full: true },
      'red',
      'database away, retry in 0 s, 0 waiting, memory full; database: connect ECONNREFUSED',
    ],
  ];
  for (const [name, state, figures, fill, text] of cases)
    it(`shows ${name}`, () => {
      assert.deepEqual(linkWords('database', state, { ...calm, ...figures }, 1000), { fill, text });
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
