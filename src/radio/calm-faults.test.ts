// Faults on their way to a log: each kind at once, and then seldom.
import assert from 'node:assert/strict';
import { calmFaults } from './calm-faults.ts';
import { fakeTime } from './time.fixture.ts';

describe('calm faults', () => {
  it('tells the first of a kind at once, then one in ten seconds', () => {
    const time = fakeTime();
    const told: string[] = [];
    const fault = calmFaults(text => told.push(text), time);
    for (const reason of ['short', 'shorter', 'shortest']) fault('packet', reason);
    fault('scan', 'refused');
    time.pass(10_000);
    fault('packet', 'short again');
    fault('scan', 'refused again');
    assert.deepEqual(told, [
      'packet: short',
      'scan: refused',
      'packet: short again (2 more since the last)',
      'scan: refused again',
    ]);
  });
});
