// Carried unit: which texts of a reading are the unit of a metric, and which are not.
import assert from 'node:assert/strict';
import { carriedUnit, noteUnits } from './carried-unit.ts';
import type { Metadata, Reading } from './reading.ts';

describe('carried unit', () => {
  const reading = (telemetry: Reading['telemetry'], metadata: Metadata = {}): Reading => ({
    ...{ deviceId: 'm', protocol: 'mqtt', timestamp: '2026-01-05T00:00:00Z', telemetry, metadata },
  });
  before(() => noteUnits('carried-map', new Map([['flow', 'm³/h']])));

  const cases: [what: string, reading: Reading, unit: string | undefined][] = [
    ['a field of its own', reading({ flow: 1, level: 2, flow_unit: 'l/s' }), 'l/s'],
    ['a table of units', reading({ flow: 1, level: 2 }, { extra: { units: { flow: 'm3/h' } } }), 'm3/h'],
    ['the unit of its only number', reading({ flow: 1, unit: 'kg/m³' }), 'kg/m³'],
    ['its map', reading({ flow: 1, level: 2 }, { parser: 'carried-map' }), 'm³/h'],
    ['its map, where unit is a place', reading({ flow: 1, unit: 'Pump 3' }, { parser: 'carried-map' }), 'm³/h'],
    ['nothing: another map', reading({ flow: 1 }, { parser: 'other' }), undefined],
    ['nothing: a unit of two numbers', reading({ flow: 1, level: 2, unit: 'm' }), undefined],
    ['nothing: a number', reading({ flow: 1, unit: '7' }), undefined],
    ['nothing: a sentence', reading({ flow: 1, unit: 'cubic metres an hour' }), undefined],
    ['nothing: tags', reading({ flow: 1, unit: '<b>' }), undefined],
    ['nothing: no table', reading({ flow: 1 }, { extra: { units: null } }), undefined],
  ];
  for (const [what, one, unit] of cases) it(`is told by ${what}`, () => assert.equal(carriedUnit(one, 'flow'), unit));
});
