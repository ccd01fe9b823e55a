// Device filter: allow and block lists of addresses and prefixes, in any spelling.
import assert from 'node:assert/strict';
import { deviceFilter } from './allow.ts';

describe('device filter', () => {
  const cases: [allow: string[], block: string[], device: string, passes: boolean][] = [
    [[], [], 'AA:BB:CC:DD:EE:FF', true],
    [['aa:bb'], [], 'AA:BB:CC:DD:EE:FF', true],
    [['AA:BB'], [], 'AB:BB:CC:DD:EE:FF', false],
    [[], ['aabbccddeeff'], 'AA:BB:CC:DD:EE:FF', false],
    [['aabb.cc'], ['aabb.ccdd.ee01'], 'AA:BB:CC:DD:EE:FF', true],
    [[], ['0xaabbccddeeff'], 'AA:BB:CC:DD:EE:FF', false],
    [[], ['aa_bb_cc'], 'AA:BB:CC:DD:EE:FF', false],
    [['AA'], ['AA-BB'], 'AA:BB:CC:DD:EE:FF', false],
    [['AA'], ['AA-BB'], 'AA:BC:CC:DD:EE:FF', true],
    [[''], [' '], 'AA:BB:CC:DD:EE:FF', true],
  ];
  for (const [allow, block, device, passes] of cases)
    it(`allow [${allow}] block [${block}] ${device}: ${passes}`, () =>
      assert.equal(deviceFilter({ allow, block })(device), passes));
});
