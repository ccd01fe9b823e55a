// Records as scanners and parsers write them: forms of addresses and keys, wrong types, too much of everything.
import assert from 'node:assert/strict';
import { toHex } from '../kernel/bytes.ts';
import { advertOf, normalAddress, normalKey } from './advert-record.ts';

describe('advert record', () => {
  const addresses: [given: string, expected: string | undefined][] = [
    ['a4c1388d18b2', 'A4:C1:38:8D:18:B2'],
    ['a4-c1-38-8d-18-b2', 'A4:C1:38:8D:18:B2'],
    [' A4:C1:38:8D:18:B2 ', 'A4:C1:38:8D:18:B2'],
    ['a4c1.388d.18b2', 'A4:C1:38:8D:18:B2'],
    ['4125DDBA-2774-4851-9889-6AADDD4CAC3D', '4125DDBA-2774-4851-9889-6AADDD4CAC3D'],
    ['demo-A4:C1:38:8D:18:B2', 'demo-A4:C1:38:8D:18:B2'],
    [' ', undefined],
  ];
  for (const [given, expected] of addresses)
    it(`address ${JSON.stringify(given)}`, () => assert.equal(normalAddress(given), expected));

  const keys: [given: string, expected: string][] = [
    ['fcd2', 'fcd2'],
    ['FCD2', 'fcd2'],
    ['0xfcd2', 'fcd2'],
    ['ff', '00ff'],
    ['0000fcd2', 'fcd2'],
    ['0000FCD2-0000-1000-8000-00805F9B34FB', 'fcd2'],
    ['0000fcd200001000800000805f9b34fb', 'fcd2'],
    ['02a6c0d0-0451-4000-b000-fb3210111989', '02a6c0d0-0451-4000-b000-fb3210111989'],
    ['', ''],
  ];
  for (const [given, expected] of keys)
    it(`key ${JSON.stringify(given)}`, () => assert.equal(normalKey(given), expected));

  const refused: [name: string, value: unknown, reason: RegExp][] = [
    ['nothing', null, /one advert as a JSON object/],
    ['a list', [], /one advert as a JSON object/],
    ['text', 'fcd2', /one advert as a JSON object/],
    ['an address that is a number', { address: 7 }, /address: expected text/],
    ['service data that is text', { service_data: '40' }, /service_data: expected an object/],
    ['a value that is no hex', { service_data: { fcd2: 'xx' } }, /service_data fcd2: expected hex/],
    ['an odd number of digits', { manufacturer_data: { '0499': '050' } }, /manufacturer_data 0499: expected hex/],
    ['a value that is a number', { manufacturer_data: { '0499': 5 } }, /manufacturer_data 0499: expected hex/],
    ['too many bytes', { service_data: { fcd2: '00'.repeat(1651) } }, /at most 1650 bytes, got 1651/],
    [
      'too many entries',
      { service_data: Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`${at}`, '00'])) },
      /at most 64/,
    ],
  ];
  for (const [name, value, reason] of refused)
    it(`refuses ${name}`, () => {
      const advert = advertOf(value);
      assert.ok('rejected' in advert && reason.test(advert.rejected), JSON.stringify(advert));
    });

  it('leaves out what it can do without', () => {
    const advert = advertOf({
      address: null,
      name: 7,
      rssi: 'far',
      service_uuids: [1, 'FCD2'],
      bindkey: 'zz',
      service_data: { fcd2: '' },
    });
    assert.ok(!('rejected' in advert));
    assert.deepEqual(
      [advert.address, advert.name, advert.rssi, advert.serviceUuids, advert.bindkey],
      [undefined, undefined, undefined, ['fcd2'], undefined],
    );
    assert.equal(toHex(advert.serviceData.get('fcd2')!), '');
  });

  it('takes text as every database stores it', () => {
    const advert = advertOf({ name: 'Shed\0\0\0', address: 'demo\0-1' });
    assert.ok(!('rejected' in advert));
    assert.deepEqual([advert.name, advert.address], ['Shed', 'demo-1']);
  });

  it('takes 127 dBm for what it says: not available', () => {
    const advert = advertOf({ rssi: 127 });
    assert.ok(!('rejected' in advert) && advert.rssi === undefined);
  });
});
