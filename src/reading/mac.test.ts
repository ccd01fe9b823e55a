// Every spelling of an address is one device; what is no address keeps its form, also where a serial number has twelve digits.
import assert from 'node:assert/strict';
import { macOf, unmistakableMacOf } from './mac.ts';

const MAC = 'AA:BB:CC:DD:EE:01';

describe('spellings of an address', () => {
  const table: [text: string, whereAnAddressBelongs: string | undefined, asAnyName: string | undefined][] = [
    ['AA:BB:CC:DD:EE:01', MAC, MAC],
    ['aa-bb-cc-dd-ee-01', MAC, MAC],
    ['aa.bb.cc.dd.ee.01', MAC, MAC],
    ['aa_bb_cc_dd_ee_01', MAC, MAC],
    ['aa bb cc dd ee 01', MAC, MAC],
    ['aabb.ccdd.ee01', MAC, MAC],
    ['0xaabbccddee01', MAC, MAC],
    ['0XAABBCCDDEE01', MAC, MAC],
    ['aabbccddee01', MAC, undefined],
    ['aabb-ccddee:01', MAC, undefined],
    ['aabb_ccdd_ee01', undefined, undefined],
    ['1234 5678 9012', undefined, undefined],
    ['123456789012', '12:34:56:78:90:12', undefined],
    ['1234-5678-9012', '12:34:56:78:90:12', undefined],
    ['2026.11.22 1234', undefined, undefined],
    ['aa.bb_cc.dd_ee.01', undefined, undefined],
    ['123456.789012', undefined, undefined],
    ['aa:bb:cc:dd:ee', undefined, undefined],
    ['aa:bb:cc:dd:ee:01:02', undefined, undefined],
    ['ga:bb:cc:dd:ee:01', undefined, undefined],
    ['aa  bb  cc  dd  ee  01', undefined, undefined],
    ['0x123456', undefined, undefined],
    ['', undefined, undefined],
  ];
  for (const [text, address, name] of table)
    it(JSON.stringify(text), () => assert.deepEqual([macOf(text), unmistakableMacOf(text)], [address, name]));
});
