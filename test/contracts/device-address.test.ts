// Who sent an advert, as the decoders and as the database say it: of every text the same, or a device is unknown and known at once.
import assert from 'node:assert/strict';
import { normalAddress } from '../../src/decoders/advert-record.ts';
import { onDatabase } from '../support/database.ts';

describe('device_address of the database and the decoders', () => {
  const db = onDatabase();
  const texts = [
    ...['AA:BB:CC:DD:EE:01', 'aa-bb-cc-dd-ee-01', 'aabbccddee01', 'aabb-ccddee:01', 'AaBbCcDdEe01'],
    ...['aa.bb.cc.dd.ee.01', 'aa_bb_cc_dd_ee_01', 'aa bb cc dd ee 01', 'aabb.ccdd.ee01', 'aabb_ccdd_ee01'],
    ...[
      'aabb ccdd ee01',
      '0xaabbccddee01',
      '0XAABBCCDDEE01',
      '0xaa:bb:cc:dd:ee:01',
      ' aabb.ccdd.ee01\t',
      'aa:bb\n:cc:dd:ee:01',
    ],
    ...['\u00a0aabbccddee01\u3000', '\ufeff\u2003aa:bb:cc:dd:ee:01\u2028', '\u200baabbccddee01', '\u0085aabbccddee01'],
    ...[
      '123456789012',
      '1234-5678-9012',
      '1234 5678 9012',
      '12345678901',
      '1234567890123',
      '2026.11.22 1234',
      '123456.789012',
    ],
    ...[
      'aa.bb_cc.dd_ee.01',
      'aa:bb:cc:dd:ee',
      'aa:bb:cc:dd:ee:01:02',
      'aa  bb  cc  dd  ee  01',
      'ga:bb:cc:dd:ee:01',
      '0x123456',
    ],
    ...[
      '4125DDBA-2774-4851-9889-6AADDD4CAC3D',
      'demo-A4:C1:38:8D:18:B2',
      "O'Brien; --",
      'Grüße \u{1f321}',
      'ＡＡ:BB:CC:DD:EE:01',
    ],
    ...[
      '',
      ' ',
      '\t\u007f',
      '%',
      '\\',
      'x'.repeat(64),
      'x'.repeat(65),
      `${'x'.repeat(63)}${'\u{1f321}'.repeat(300)}`,
      ' y'.repeat(300),
    ],
  ];

  it('are the same', async () => {
    const [row] = await db.store.query<{ found: string[] }>(
      'SELECT array_agg(device_address(text) ORDER BY at) AS found FROM unnest($1::text[]) WITH ORDINALITY AS texts (text, at)',
      [texts],
    );
    assert.deepEqual(
      row?.found,
      texts.map(text => normalAddress(text) ?? ''),
    );
  });
});
