// http-ingest in real Node-RED on a real PostgreSQL: from the request to the row, the archive and the answer; hostile bodies.
import assert from 'node:assert/strict';
import { createKey, revokeKeys } from '../../src/api/keys.ts';
import { readLedger } from '../../src/delivery/ledger-file.ts';
import { cameIn, difference, ledgerLines } from '../../src/kernel/ledger.ts';
import { metric } from '../../src/kernel/metrics.ts';
import type { Message } from '../../src/palette/define.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { until } from '../../test/support/until.ts';
import { onIngest } from '../../test/support/http-ingest.ts';

describe('http-ingest node', () => {
  const on = onIngest();
  const { toDatabase, toSink, post, rows } = on;

  it('answers when the row, its raw message, its device and its latest value are there', async () => {
    await on.runtime.deploy(toDatabase());
    const body = { device_id: 'NIVUS-1', flow_rate: 12.5, totalizer: 1000, temperature: 18, status: 0 };
    const { status, body: answer } = await post(body);
    assert.deepEqual([status, answer['stored']], [200, 1]);
    const [row] = await rows(
      `SELECT flow_rate, totalizer, temperature, status, org_id FROM flow_data WHERE device_id = 'NIVUS-1'`,
    );
    assert.deepEqual(row, { flow_rate: 12.5, totalizer: 1000, temperature: 18, status: '0', org_id: 'acme' });
    const [raw] = await rows(
      `SELECT scanner_id, topic, payload, convert_from(bytes, 'UTF8') AS text, metadata FROM raw_advertisements
        WHERE metadata->>'deviceId' = 'NIVUS-1'`,
    );
    assert.deepEqual(raw, {
      ...{ scanner_id: 'test', topic: 'http/ingest', payload: body, text: JSON.stringify(body) },
      metadata: { protocol: 'http', deviceId: 'NIVUS-1' },
    });
    assert.equal(
      (await rows(`SELECT FROM devices WHERE device_id = 'NIVUS-1' AND last_seen > now() - interval '1 minute'`))
        .length,
      1,
    );
    assert.equal((await rows(`SELECT FROM latest_values WHERE device_id = 'NIVUS-1'`)).length, 4);
  });

  it('has counted on the disk what it answers', async () => {
    await on.runtime.deploy(toDatabase());
    const onDisk = () =>
      readLedger(on.runtime.settings.directory!)!.lines.find(({ source }) => source === 'in')?.stored ?? 0;
    const before = ledgerLines().find(({ source }) => source === 'in')!.stored;
    // The counts that nobody waits for are written four times a second: one post could meet that.
    for (let n = 1; n <= 10; n++) {
      await post({ device_id: 'counted', flow_rate: n, timestamp: new Date().toISOString() });
      assert.equal(onDisk(), before + n);
    }
  });

  it('stores a reading with a time of its own once, and one without by its Idempotency-Key, also after a restart', async () => {
    await on.runtime.deploy(toDatabase());
    const own = { device_id: 'once', flow_rate: 1, timestamp: new Date().toISOString() };
    assert.equal((await post(own)).body['stored'], 1);
    assert.equal((await post(own)).body['duplicates'], 1);
    const without = [
      { device_id: 'once', flow_rate: 2 },
      { device_id: 'once', flow_rate: 3 },
    ];
    const headers = { 'idempotency-key': 'batch-1' };
    assert.equal((await post(without, headers)).body['stored'], 2);
    await on.runtime.deploy([]);
    await on.runtime.deploy(toDatabase());
    const again = await post(without, headers);
    assert.deepEqual([again.status, again.body['duplicates']], [200, 2]);
    assert.equal((await post([without[0], { device_id: 'once', flow_rate: 4 }], headers)).status, 422, 'another body');
    assert.equal((await rows(`SELECT FROM flow_data WHERE device_id = 'once'`)).length, 3);
    assert.equal((await post(without)).body['stored'], 2, 'without the key it is at least once');
  });

  it('names the row that only the database refuses, and keeps it as a dead letter', async () => {
    await on.runtime.deploy(toDatabase());
    await on.pool.query(`ALTER TABLE flow_data ADD CONSTRAINT no_negative CHECK (flow_rate >= 0) NOT VALID`);
    const { status, body } = await post([
      { device_id: 'good', flow_rate: 1 },
      { device_id: 'bad', flow_rate: -1 },
    ]);
    await on.pool.query('ALTER TABLE flow_data DROP CONSTRAINT no_negative');
    assert.deepEqual([status, body['stored'], body.dead_letters?.length], [200, 1, 1]);
    assert.equal(body.dead_letters?.[0]?.device_id, 'bad');
    assert.match(body.dead_letters?.[0]?.reason ?? '', /no_negative/);
    const [letter] = await rows(`SELECT device_id, reason FROM dead_letters WHERE reason LIKE '%no_negative%'`);
    assert.equal(letter?.['device_id'], 'bad');
  });

  it('lets nobody in whose key was revoked a moment ago', async () => {
    await on.runtime.deploy(toSink());
    const lost = await createKey(on.store.query, { name: 'lost', limitPerMinute: 60_000 });
    const headers = { 'x-api-key': lost.key };
    assert.equal((await post({ device_id: 'd', flow_rate: 1 }, headers)).status, 200, 'known at once');
    await revokeKeys(on.store.query, { who: 'lost' });
    await until(async () => (await post({ device_id: 'd', flow_rate: 1 }, headers)).status === 401);
  });

  it('sends one array for a request, or each reading by itself, under one answer', async () => {
    await on.runtime.deploy(toSink());
    const batch = [
      { device_id: 'a', flow_rate: 1 },
      { device_id: 'b', flow_rate: 2 },
    ];
    await post(batch);
    assert.equal(((on.runtime.received('taken')[0] as Message).payload as Reading[]).length, 2);
    await on.runtime.deploy(toSink({ emit: 'each' }));
    await post(batch);
    assert.deepEqual(
      on.runtime.received('taken').map(({ payload }) => (payload as Reading).deviceId),
      ['a', 'b'],
    );
  });

  it('answers no hostile body with 500, stores none that it refused, and counts each', async () => {
    await on.runtime.deploy(toDatabase());
    const count = (name: string, labels: object) =>
      metric(name, { node: 'in', type: 'fieldline-http-ingest', name: 'http-ingest', ...labels });
    const before = {
      rejected: count('fieldline_rejected_total', { reason: 'fields' }),
      clockless: count('fieldline_gateway_time_total', {}),
    };
    const sql = "x'); DROP TABLE flow_data; --";
    const wrong = [
      { device_id: sql, flow_rate: sql },
      { device_id: 'hostile', flow_rate: '1e999' },
      { device_id: 'hostile', flow_rate: 1e308 },
      { device_id: 'hostile', flow_rate: [1] },
      { device_id: 'x'.repeat(300), flow_rate: 1 },
      { device_id: ['hostile'], flow_rate: 1 },
    ];
    for (const body of wrong) assert.equal((await post(body)).status, 400, JSON.stringify(body).slice(0, 80));
    const good: readonly object[] = [
      { device_id: sql, flow_rate: 1, status: sql, note: sql, [sql]: sql },
      { device_id: 'hostile', flow_rate: 1e100, totalizer: -1e100, temperature: 5e-324, pressure: 1e101 },
      { device_id: 'hostile', flow_rate: 2, timestamp: '9999-12-31T23:59:59Z', note: '\u0000\ud800', constructor: 1 },
      { device_id: 'hostile', flow_rate: 3, timestamp: '0001-01-01T00:00:00Z', metadata: { orgId: 'theirs', raw: {} } },
    ];
    for (const body of good) assert.equal((await post(body)).body['stored'], 1, JSON.stringify(body).slice(0, 80));
    assert.equal(count('fieldline_rejected_total', { reason: 'fields' }) - before.rejected, wrong.length);
    assert.equal(count('fieldline_gateway_time_total', {}) - before.clockless, good.length);
    const stored =
      await rows(`SELECT device_id, status, org_id, created_at > now() - interval '1 minute' AS now FROM flow_data
      WHERE device_id = 'hostile' OR device_id LIKE 'x''%' ORDER BY id`);
    assert.deepEqual(
      stored.map(({ device_id: id, org_id: org, now }) => [id, org, now]),
      [sql, 'hostile', 'hostile', 'hostile'].map(id => [id, 'acme', true]),
    );
    assert.equal(stored[0]?.['status'], sql);
    // One absurd value must not take the seed's query its answer.
    const [{ average }] = (await rows('SELECT avg(flow_rate) AS average FROM flow_data')) as [{ average: number }];
    assert.ok(Number.isFinite(average));
  });

  it('keeps a ledger that balances', () => {
    const line = ledgerLines().find(({ source }) => source === 'in')!;
    assert.ok(cameIn(line) > 5);
    assert.equal(difference(line), 0);
  });

  it('says what it does', async () => {
    await on.runtime.deploy(toSink());
    assert.equal((await on.runtime.untilStatus('in', /^waits for POST/)).fill, 'grey');
    await post({ device_id: 'd', flow_rate: 1 });
    await on.runtime.untilStatus('in', /^1 reading, 1 request, 0 refused, last \d+ s ago$/);
    await post({ device_id: 'd' });
    const { fill } = await on.runtime.untilStatus('in', /; 400: item: expected at least one measurement/);
    assert.equal(fill, 'yellow');
  });

  it('tries a body out with settings that are not deployed', async () => {
    const answer = await fetch(`${on.runtime.url}/fieldline/http-ingest/try`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ settings: { maxItems: 2 }, text: '[{"device_id":"d","flow_rate":1},{"flow_rate":1}]' }),
    });
    const { says, items } = (await answer.json()) as { says: string; items: { table?: string; errors?: object[] }[] };
    assert.equal(says, 'refused (400): 1 of 2 wrong');
    assert.deepEqual([items[0]?.table, items[1]?.errors?.length], ['flow_data', 1]);
  });

  it('says what is missing when no database is chosen', async () => {
    await on.runtime.deploy(toSink({ store: '' }));
    assert.equal((await on.runtime.untilStatus('in', /Keys in: expected a timescale-db node/)).fill, 'red');
  });
});
