// What is an advert when it comes out of the archive, to a replay and to the database: at any topic prefix a scanner may have.
import assert from 'node:assert/strict';
import { archive } from '../../src/archive/archive.ts';
import { archiveRow } from '../../src/archive/row.ts';
import { byKind } from '../../src/reading/kinds.ts';
import type { Raw } from '../../src/reading/raw.ts';
import { onDatabase } from '../support/database.ts';

describe('adverts of the archive', () => {
  const db = onDatabase();
  const advert = { scanner_id: 'attic', address: 'AA:BB:CC:DD:EE:01', rssi: -60 };
  const cases: [topic: string, payload: unknown, isAdvert: boolean][] = [
    ['bt-mqtt/raw/attic', advert, true],
    ['bt-mqtt/raw', { address: 'x' }, true],
    ['bt-mqtt/rawer', advert, false],
    ['site7/raw/attic', advert, true],
    ['plants/berlin/ble/raw/attic', [advert, {}], true],
    ['site7/raw/house/attic', { ...advert, scanner_id: 'house/attic' }, true],
    ['site7/raw/attic', { ...advert, rssi: undefined, service_data: { fcd2: '40' } }, true],
    ['site7/raw/attic', { ...advert, scanner_id: 'cellar' }, false],
    ['site7/raw/attic', { address: advert.address, rssi: -60 }, false],
    ['site7/raw/attic', { scanner_id: 'attic', rssi: -60 }, false],
    ['site7/raw/attic', { ...advert, address: 7 }, false],
    ['site7/raw/attic', { scanner_id: 'attic', address: 'Main Street 5', value: 3 }, false],
    ['site7/raw/attic', [], false],
    ['site7/raw/attic', 'text', false],
    ['site7/attic', advert, false],
    ['ble/raw/attic', 'c055', false],
  ];
  for (const [topic, payload, isAdvert] of cases)
    it(`${topic} ${JSON.stringify(payload)}: ${isAdvert}`, async () => {
      const bytes = Buffer.from(JSON.stringify(payload));
      const raw: Raw = { topic, bytes, source: 'mqtt', protocol: 'mqtt', receivedAt: Date.UTC(2026, 0, 3) };
      assert.equal(byKind([raw]).advert.length, isAdvert ? 1 : 0);
      await db.store.query('TRUNCATE raw_advertisements');
      await archive({ query: db.store.prepared, bulk: db.store.bulk, target: 't' }).write([
        archiveRow(raw, raw.receivedAt),
      ]);
      const [row] = await db.store.query('SELECT is_advert(topic, payload) AS found FROM raw_advertisements');
      assert.deepEqual(row, { found: isAdvert });
    });
});
