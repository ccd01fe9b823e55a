// http-ingest while something is away: nodes behind it, itself during a deploy, the database. What it took is not lost.
import assert from 'node:assert/strict';
import { openDeadLetters } from '../../src/delivery/letters/file.ts';
import { Fault } from '../../src/kernel/fault.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { until } from '../../test/support/until.ts';
import { type Answer, onIngest } from '../../test/support/http-ingest.ts';

describe('http-ingest node while something is away', () => {
  const on = onIngest();
  const { toDatabase, toSink, post, rows } = on;

  it('is 503 while nodes are away, and a dead letter where one refuses a reading three times', async () => {
    await on.runtime.deploy(toSink());
    on.runtime.onSink('taken', (_message, _send, done) =>
      done(new Fault('FIELDLINE_BROKER', 'away', { kind: 'outage' })),
    );
    assert.equal((await post({ device_id: 'd', flow_rate: 1 })).status, 503);
    const attempts: string[] = [];
    on.runtime.onSink('taken', (message, _send, done) => {
      const ids = (message.payload as Reading[]).map(({ deviceId }) => deviceId);
      attempts.push(ids.join());
      done(ids.includes('bad') ? new Fault('FIELDLINE_ROW', 'refused by the test') : undefined);
    });
    const { status, body } = await post([
      { device_id: 'good', flow_rate: 1 },
      { device_id: 'bad', flow_rate: 1 },
    ]);
    on.runtime.onSink('taken', (_message, _send, done) => done());
    assert.equal(status, 200);
    assert.deepEqual(attempts.sort(), ['bad', 'bad', 'bad', 'good', 'good,bad']);
    assert.deepEqual(
      body.dead_letters?.map(({ device_id: id, reason }) => [id, reason]),
      [['bad', 'refused by the test']],
    );
    const file = await openDeadLetters(`${on.runtime.settings.directory}/dead-letters/in`);
    const { letters } = await file.list();
    await file.close();
    assert.deepEqual(
      letters.map(({ topic, deviceId, bytes }) => [topic, deviceId, Buffer.from(bytes, 'base64').toString()]),
      [['http/ingest', 'bad', '{"device_id":"bad","flow_rate":1}']],
    );
  });

  it('answers 503 during a deploy, never 404, and loses nothing of what it took', async () => {
    await on.runtime.deploy(toSink());
    let release: (() => void) | undefined;
    // The first is held; what the new nodes take already, before the deploy is over, is done at once.
    on.runtime.onSink('taken', (_message, _send, done) => {
      if (release === undefined) release = done;
      else done();
    });
    const first = post({ device_id: 'd', flow_rate: 1 });
    await on.runtime.until('taken', 1);
    const deployed = on.runtime.deploy(toSink({ maxItems: 5 }));
    const statuses = new Set<number>();
    let done = false;
    void deployed.finally(() => (done = true));
    setTimeout(() => release?.(), 50);
    while (!done) statuses.add((await post({ device_id: 'during', flow_rate: 1 })).status);
    on.runtime.onSink('taken', (_message, _send, finish) => finish());
    await deployed;
    assert.ok(
      [...statuses].every(status => status === 200 || status === 503),
      [...statuses].join(),
    );
    assert.ok([200, 503].includes((await first).status));
    await on.runtime.deploy([]);
    assert.equal((await post({ device_id: 'd', flow_rate: 1 })).status, 503, 'for a while after the node is gone');
  });

  it('takes posts after a deploy that came while the database was away, with the keys as last known', async () => {
    await on.runtime.deploy(toDatabase({}, { policy: 'disk' }));
    assert.equal((await post({ device_id: 'kept', flow_rate: 1 })).status, 200);
    await on.server.terminate('SIGQUIT');
    await on.runtime.deploy(toDatabase({}, { policy: 'disk' }));
    // Whose answer takes too long comes again; its time keeps it one row.
    const again = { device_id: 'kept', flow_rate: 2, timestamp: '2026-01-01T00:00:00Z' };
    const answers: Answer[] = [];
    await until(async () => {
      const { status, body } = await post(again);
      answers.push(body);
      return status === 202;
    });
    assert.equal(answers.at(-1)?.['kept'], 1, JSON.stringify(answers));
    assert.equal((await post({ device_id: 'kept', flow_rate: 3 }, { 'x-api-key': 'wrong' })).status, 401);
    await on.server.restart();
    const stored = () => rows(`SELECT FROM flow_data WHERE device_id = 'kept'`).catch(() => []);
    await until(async () => (await stored()).length === 2);
  });
});
