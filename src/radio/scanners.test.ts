// A scanner's scans taken together, for its heartbeat.
import assert from 'node:assert/strict';
import { announceScan, reportOf, type ScanReport } from './scanners.ts';

describe('scanners', () => {
  const on: ScanReport = { since: 2000, sent: 3, devices: 5, adapter: 'on' };
  const away: ScanReport = { since: 1000, sent: 4, devices: 2, adapter: 'unauthorized' };
  const cases: [name: string, scans: ScanReport[], report: ScanReport | undefined][] = [
    ['none', [], undefined],
    ['one', [away], away],
    ['two that hear', [on, on], { since: 2000, sent: 6, devices: 5, adapter: 'on' }],
    ['a second that hears nothing', [on, away], { since: 1000, sent: 7, devices: 5, adapter: 'unauthorized' }],
    ['a first that hears nothing', [away, on], { since: 1000, sent: 7, devices: 5, adapter: 'unauthorized' }],
  ];
  for (const [name, scans, report] of cases)
    it(`reports ${name}, until they end`, () => {
      const ends = scans.map(scan => announceScan('roof', () => scan));
      assert.deepEqual(reportOf('roof'), report);
      for (const end of ends) end();
      assert.equal(reportOf('roof'), undefined);
    });
});
