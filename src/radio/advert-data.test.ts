// AD structures: each type, several of one kind, lying lengths, random bytes.
import assert from 'node:assert/strict';
import { fromHex } from '../kernel/bytes.ts';
import { type AdvertFields, advertFields } from './advert-data.ts';

const cases: [name: string, hex: string, fields: AdvertFields][] = [
  ['nothing', '', {}],
  ['flags alone', '020106', {}],
  ['service data of 16 bits', '0716d2fc4002ca09', { service_data: { fcd2: '4002ca09' } }],
  ['a 16-bit UUID with leading zeros', '0303ff00', { service_uuids: ['00ff'] }],
  ['service data of 32 bits', '0620785634120a', { service_data: { '12345678': '0a' } }],
  [
    'service data of 128 bits',
    '122189191121 32fb00b000405104d0c0a6022a'.replace(' ', ''),
    { service_data: { '02a6c0d0-0451-4000-b000-fb3221111989': '2a' } },
  ],
  ['UUID lists of 16 and 32 bits', '0502 1a18 0f18 0504 78563412', { service_uuids: ['181a', '180f', '12345678'] }],
  ['a UUID twice', '050288ec88ec', { service_uuids: ['ec88'] }],
  ['manufacturer data', '05ff99040512', { manufacturer_data: { '0499': '0512' } }],
  ['two manufacturers', '04ff990405 04ff4c0002', { manufacturer_data: { '0499': '05', '004c': '02' } }],
  ['one manufacturer twice', '04ff990405 04ff990406', { manufacturer_data: { '0499': '0506' } }],
  ['a manufacturer without data', '03ff9904', { manufacturer_data: { '0499': '' } }],
  ['tx power below zero', '020af4', { tx_power: -12 }],
  ['the whole name before the short one', '0409474c4d 020847', { name: 'GLM' }],
  ['the short name before the whole one', '020847 0409474c4d', { name: 'GLM' }],
  ['a name that is filled up', '0609474c4d0000', { name: 'GLM' }],
  ['a name that is no UTF-8', '0309ff41', { name: '\ufffdA' }],
  ['a zero length ends', '0209 41 00 020af4', { name: 'A' }],
  ['a structure longer than the advert is left out', '020941 0aff9904', { name: 'A' }],
  ['too short for its kind', '0116 0216d2 01ff 02ff99 010a', {}],
  ['a list that is no multiple', '04031a1800', { service_uuids: ['181a'] }],
];

describe('AD structures', () => {
  for (const [name, hex, fields] of cases)
    it(name, () => assert.deepEqual(advertFields(fromHex(hex) ?? new Uint8Array()), fields));

  it('takes any bytes', () => {
    let seed = 7;
    for (let round = 0; round < 5000; round++) {
      const bytes = Uint8Array.from({ length: round % 64 }, () => {
        seed = (seed * 1103515245 + 12345) % 2147483648;
        return seed >> 16;
      });
      const text = JSON.stringify(advertFields(bytes));
      assert.ok(!/NaN|null/.test(text) && text.length < 1000, text);
    }
  });
});
