// Retention of raw messages in a real PostgreSQL: what is old goes, what came in lately stays whatever its own time is.
import assert from 'node:assert/strict';
import { openDatabase } from './database.ts';
import { forgetRaw } from './retention.ts';
import { openStore } from './store.ts';
import { onDatabase } from '../../test/support/database.ts';
import { timescaleHere } from '../../test/support/postgres.ts';
import { until } from '../../test/support/until.ts';

const insert = (scanner: string, timestamp: string, received: string, rows = 1): string =>
  `INSERT INTO raw_advertisements (scanner_id, topic, timestamp, received_at)
   SELECT '${scanner}', 't', ${timestamp}, ${received} FROM generate_series(1, ${rows})`;
const ago = (days: number): string => `now() - interval '${days} days'`;

describe('retention of raw messages', () => {
  const db = onDatabase();
  const left = async () =>
    (
      await db.store.query<{ scanner_id: string }>(
        'SELECT DISTINCT scanner_id FROM raw_advertisements ORDER BY scanner_id',
      )
    ).map(row => row.scanner_id);

  it('drops old months whole, deletes the rest in steps, and leaves what is young or prepared', async () => {
    await db.store.query(`SELECT prepare_month('raw_advertisements', '2019-01-01T00:00:00Z')`);
    await db.store.query(`SELECT prepare_month('raw_advertisements', '2019-02-01T00:00:00Z')`);
    await db.store.query(insert('old month', `'2019-01-10'`, `'2019-01-10'`, 3));
    await db.store.query(insert('old, beside a late one', `'2019-02-11'`, `'2019-02-11'`));
    await db.store.query(insert('late: old time, came today', `'2019-02-11'`, 'now()'));
    await db.store.query(insert('in the default partition', `'2003-01-01'`, `'2019-01-01'`, 6000));
    await db.store.query(insert('young', ago(1), ago(1)));
    const months = () => db.store.query(`SELECT FROM pg_inherits WHERE inhparent = 'raw_advertisements'::regclass`);
    const before = (await months()).length;
    // There is no default partition on TimescaleDB: the 6000 rows have a chunk of their own.
    const gone = db.server.variant === 'plain' ? { rows: 6001, partitions: 1 } : { rows: 1, partitions: 2 };
    assert.deepEqual(await forgetRaw(db.store.query, 90), gone);
    assert.deepEqual(await left(), ['late: old time, came today', 'young']);
    assert.equal((await months()).length, before - gone.partitions);
    assert.deepEqual(await forgetRaw(db.store.query, 90), { rows: 0, partitions: 0 });
  });

  it('leaves what comes in late while an old month is about to go', async () => {
    await db.store.query(`SELECT prepare_month('raw_advertisements', '2018-03-01T00:00:00Z')`);
    await db.store.query(insert('old', `'2018-03-11'`, `'2018-03-11'`, 3));
    const writer = await db.store.pool.connect();
    await writer.query('BEGIN');
    // Within a day, which is what a chunk of TimescaleDB holds.
    await writer.query(insert('late: old time, came now', `'2018-03-11T01:00:00Z'`, 'now()'));
    const forgetting = forgetRaw(db.store.query, 90);
    await until(async () => {
      const waiting = await db.store.query(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'`);
      return waiting.length > 0;
    });
    await writer.query('COMMIT');
    writer.release();
    assert.deepEqual(await forgetting, { rows: 3, partitions: 0 });
    assert.ok((await left()).includes('late: old time, came now'));
    await db.store.query(`DELETE FROM raw_advertisements WHERE scanner_id LIKE 'late: old time, came now'`);
  });

  it('leaves what is young in a compressed chunk', async function () {
    timescaleHere(this);
    await db.store.query('TRUNCATE raw_advertisements');
    await db.store.query(insert('old', `'2019-02-11'`, `'2019-02-11'`, 7));
    await db.store.query(insert('late: old time, came today', `'2019-02-11'`, 'now()'));
    await db.store.query(`ALTER TABLE raw_advertisements SET (timescaledb.compress, timescaledb.compress_segmentby = 'scanner_id',
      timescaledb.compress_orderby = 'timestamp')`);
    await db.store.query(`SELECT compress_chunk(chunk) FROM show_chunks('raw_advertisements') AS chunk`);
    assert.deepEqual(await forgetRaw(db.store.query, 90), { rows: 7, partitions: 0 });
    assert.deepEqual(await left(), ['late: old time, came today']);
  });

  it('leaves what is young in a compressed chunk that holds more than TimescaleDB unpacks for a statement', async function () {
    timescaleHere(this);
    await db.store.query('TRUNCATE raw_advertisements');
    await db.store.query(insert('old', `'2019-02-11'`, `'2019-02-11'`, 1500));
    await db.store.query(insert('late: old time, came today', `'2019-02-11'`, 'now()', 2));
    await db.store.query(insert('beside it', ago(91), ago(91), 3));
    await db.store.query(`SELECT compress_chunk(chunk) FROM show_chunks('raw_advertisements') AS chunk`);
    const rows = () => db.store.query(`SELECT * FROM raw_advertisements WHERE received_at > ${ago(90)} ORDER BY id`);
    const before = await rows();
    const url = new URL(db.server.url);
    url.searchParams.set('options', '-c timescaledb.max_tuples_decompressed_per_dml_transaction=1000');
    const bounded = openStore({ url: url.href, connections: 1 });
    try {
      assert.deepEqual(await forgetRaw(bounded.query, 90), { rows: 1500, partitions: 1 });
      assert.deepEqual(await rows(), before);
      assert.deepEqual(await left(), ['late: old time, came today']);
      assert.deepEqual(await forgetRaw(bounded.query, 90), { rows: 0, partitions: 0 });
    } finally {
      await bounded.close();
    }
  });

  it('is part of the upkeep where it is wanted, and everything stays where it is not', async () => {
    await db.store.query(insert('old', ago(40), ago(40)));
    for (const [keepRawDays, there] of [
      [undefined, true],
      [60, true],
      [30, false],
    ] as const) {
      const database = openDatabase({ url: db.server.url, ...(keepRawDays === undefined ? {} : { keepRawDays }) });
      await database.upkept;
      await database.close();
      assert.equal((await left()).includes('old'), there, `${keepRawDays} days`);
    }
  });
});
