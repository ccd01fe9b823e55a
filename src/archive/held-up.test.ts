// The raw archive where its tables take nothing: messages wait, and land when that is mended.
import assert from 'node:assert/strict';
import type { Raw } from '../reading/raw.ts';
import { archive } from './archive.ts';
import { archiveRow } from './row.ts';
import { onDatabase } from '../../test/support/database.ts';
import { outage } from '../../test/support/own-tables.ts';

const NOW = Date.UTC(2026, 0, 3, 16);
const row = (n: number, more: Partial<Raw> = {}) =>
  archiveRow(
    {
      topic: 't',
      source: 'pi',
      protocol: 'mqtt',
      receivedAt: NOW,
      bytes: Buffer.from(`{"n":${n}${more.receipt ? '' : `,"timestamp":"2026-01-03T15:00:00.${n}Z"`}}`),
      ...more,
    },
    NOW,
  );
const received = (n: number) => row(n, { receipt: { key: `k${n}`, redelivered: false } });

describe('raw archive: held up', () => {
  const db = onDatabase();
  const open = () => archive({ query: db.store.prepared, bulk: db.store.bulk, target: 'test' });

  it('by receipts that fail for all: messages that need none do not make those that do theirs', async () => {
    await db.store.query(`CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM FROM gone; RETURN new; END $$;
      CREATE TRIGGER look BEFORE INSERT ON receipts FOR EACH ROW EXECUTE FUNCTION look()`);
    const rows = [row(1), received(2), row(3), received(4)];
    await assert.rejects(open().write(rows), outage(/relation "gone" does not exist/));
    assert.deepEqual(await open().write([row(5), row(6)]), ['stored', 'stored']);
    await db.store.query('DROP FUNCTION look CASCADE');
    assert.deepEqual(await open().write(rows), ['stored', 'stored', 'stored', 'stored']);
  });

  it('by a partition that somebody has dropped while no default one stands in: it is made again', async function () {
    if (db.server.variant === 'timescale') return this.skip();
    const sink = open();
    assert.deepEqual(await sink.write([row(7)]), ['stored']);
    await db.store.query(`ALTER TABLE raw_advertisements DETACH PARTITION raw_advertisements_default;
      DROP TABLE raw_advertisements_202601`);
    await assert.rejects(sink.write([row(8)]), outage(/none of these rows has a partition/));
    assert.deepEqual(await sink.write([row(8)]), ['stored']);
  });
});
