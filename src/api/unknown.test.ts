// Unknown devices on a real PostgreSQL: what was heard lately and is no device, with a sample.
import assert from 'node:assert/strict';
import { fakeClock } from '../kernel/clock.ts';
import { openStore, type Store } from '../store/store.ts';
import { migrate } from '../store/migrate.ts';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import { answerer } from './answers.ts';

describe('unknown devices', () => {
  let server: TestPostgres;
  let store: Store;
  before(async function () {
    server = await postgresFor(this);
    store = openStore({ url: server.url, connections: 2 });
    await migrate(server.url);
  });
  after(async () => {
    await store?.close();
    await server?.stop();
  });

  it('are those heard lately that are no devices, with a sample of each', async () => {
    const hear = (payload: unknown, minutesAgo: number) =>
      store.query(
        `INSERT INTO raw_advertisements (scanner_id, topic, timestamp, received_at, payload, bytes, digest)
         SELECT 's', 'bt-mqtt/raw/s', t, t, $1::jsonb, ''::bytea, md5($3)::uuid FROM (SELECT now() - $2::int * interval '1 minute' AS t) AS at`,
        [JSON.stringify(payload), minutesAgo, `${minutesAgo}`],
      );
    await store.query(`INSERT INTO devices (device_id) VALUES ('AA:AA:AA:AA:AA:AA')`);
    await hear({ address: 'aaaaaaaaaaaa', rssi: -1 }, 1);
    await hear({ address: 'bb:bb:bb:bb:bb:bb', rssi: -1, scanner_id: 's', manufacturer_data: { ffff: '15' } }, 3);
    await hear(
      { address: 'BBBBBBBBBBBB', rssi: -2, timestamp: 'x', name: 'Shed', manufacturer_data: { ffff: '16' } },
      2,
    );
    await hear([{ address: 'CC:CC:CC:CC:CC:CC' }, { rssi: -1 }, 7], 4);
    await hear({ address: 'DD:DD:DD:DD:DD:DD' }, 25 * 60);
    const answer = answerer(store.query, fakeClock(Date.now()), () => 0);
    const rows = (await answer({ what: 'unknown' })) as Record<string, unknown>[];
    assert.deepEqual(
      rows.map(({ address, name, adverts, age }) => [address, name, adverts, age]),
      [
        ['BB:BB:BB:BB:BB:BB', 'Shed', 2, '2 min ago'],
        ['CC:CC:CC:CC:CC:CC', null, 1, '4 min ago'],
      ],
    );
    assert.deepEqual(JSON.parse(String(rows[0]?.['sample'])), {
      address: 'BBBBBBBBBBBB',
      name: 'Shed',
      manufacturer_data: { ffff: '16' },
    });
    assert.equal(((await answer({ what: 'unknown', points: 1 })) as unknown[]).length, 1);
  });
});
