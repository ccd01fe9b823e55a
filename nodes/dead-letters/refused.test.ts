// A letter that was put right and that no decoder takes: it waits for somebody again, with the reason, until rows come of it.
import assert from 'node:assert/strict';
import { keepLetters, listLetters } from '../../src/delivery/letters/letters.ts';
import { onDatabase } from '../../test/support/database.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import advertDecodeNode from '../advert-decode/advert-decode.ts';
import normalizeNode from '../normalize/normalize.ts';
import timescaleDbNode from '../timescale-db/timescale-db.ts';
import timescaleOutNode from '../timescale-out/timescale-out.ts';
import deadLettersNode from './dead-letters.ts';

const advert = (hex: string) => JSON.stringify({ address: 'A4:C1:38:00:00:01', service_data: { fcd2: hex } });

describe('dead-letters node: what decoders refuse', () => {
  let runtime: TestRuntime;
  after(() => runtime?.deploy([]));
  const db = onDatabase({ migrated: false });
  before(async () => {
    runtime = await testRuntime();
    runtime.register(timescaleDbNode, advertDecodeNode, normalizeNode, timescaleOutNode, deadLettersNode);
    await runtime.deploy([
      { id: 'db', type: 'fieldline-timescale-db', url: db.server.url },
      { id: 'n', type: 'fieldline-dead-letters', store: 'db', wires: [['a'], [], ['m', 'm2'], ['out'], ['answers']] },
      { id: 'a', type: 'fieldline-advert-decode', wires: [['out'], []] },
      { id: 'm', type: 'fieldline-normalize', wires: [['out'], []] },
      // A branch of its own that has nothing to do with these topics.
      {
        id: 'm2',
        type: 'fieldline-normalize',
        table: [{ filter: 'mine/+', format: 'energy', device: 'last' }],
        wires: [['out'], []],
      },
      { id: 'out', type: 'fieldline-timescale-out', store: 'db', wires: [[], []] },
      { id: 'answers', type: 'test-sink' },
    ]);
    await runtime.untilStatus('n', /open$/);
  });
  beforeEach(() => db.store.query('TRUNCATE dead_letters, sensor_readings, devices, latest_values'));

  async function resend(id: number, fix: { text?: string; hex?: string } = {}) {
    const before = runtime.received('answers').length;
    runtime.inject('n', { payload: { command: 'resend', id, ...fix } });
    await runtime.until('answers', before + 1);
    while ((await listLetters(db.store.query, { state: 'queued' })).length > 0)
      await db.store.query('SELECT pg_sleep(0.02)');
    const [{ state, attempts, reason } = {}] = await listLetters(db.store.query, { ids: [id] });
    const [{ count } = {}] = await db.store.query<{ count: string }>('SELECT count(*) FROM sensor_readings');
    return { state, attempts, reason, rows: Number(count) };
  }

  for (const [topic, first, wrong, right, says, rows] of [
    ['bt-mqtt/raw/pi', '{', advert('zz'), advert('40000a01455b00'), /service_data fcd2: expected hex/, 2],
    ['bt-mqtt/raw/pi', '{', 'no JSON', advert('40000a01455b00'), /expected an advert as JSON/, 2],
    ['bt-mqtt/raw/pi', '{', '{"address":"A4:C1:38:00:00:01"}', advert('4000455b00'), /no decoder knows/, 1],
    ['homelab/temperature/shed', 'warm', 'cold', '21.5', /./, 1],
  ] as const)
    it(`of ${topic}, put right as ${wrong}`, async () => {
      await keepLetters(db.store.query, 'ingest', [
        { kind: 'raw', topic, bytes: Buffer.from(first), reason: 'r', attempts: 3, receivedAt: 1e12, givenUpAt: 2e12 },
      ]);
      const [letter] = await listLetters(db.store.query, {});
      const id = letter!.id;
      const refused = await resend(id, { text: wrong });
      assert.deepEqual([refused.state, refused.attempts, refused.rows], ['open', 4, 0]);
      assert.match(refused.reason!, /^no reading was made of it: /);
      assert.match(refused.reason!, says);
      const again = await resend(id);
      assert.deepEqual([again.state, again.attempts, again.rows], ['open', 5, 0]);
      const stored = await resend(id, { text: right });
      assert.deepEqual([stored.state, stored.attempts, stored.rows], ['resolved', 5, rows]);
    });
});
