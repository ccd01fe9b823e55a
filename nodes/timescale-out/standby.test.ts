// timescale-out against a real streaming standby: it says so and keeps everything; after the promotion all of it is there, once.
import assert from 'node:assert/strict';
import { migrate } from '../../src/store/migrate.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import { meterReading } from '../../test/support/timescale-out.ts';
import { type Standby, startStandby } from '../../test/support/standby.ts';
import timescaleDbNode from '../timescale-db/timescale-db.ts';
import timescaleOutNode from './timescale-out.ts';
import { until } from '../../test/support/until.ts';

const READINGS = 500;

describe('timescale-out node: a read-only standby', () => {
  let primary: TestPostgres;
  let standby: Standby;
  let runtime: TestRuntime;
  let store: Store;
  before(async function () {
    primary = await postgresFor(this);
    await migrate(primary.url);
    standby = await startStandby(primary);
    store = openStore({ url: standby.url, connections: 2 });
    runtime = await testRuntime();
    runtime.register(timescaleDbNode, timescaleOutNode);
  });
  after(async () => {
    await runtime?.deploy([]);
    await store?.close();
    await standby?.stop();
    await primary?.stop();
  });
  const flow = (url: string) => [
    { id: 'db', type: 'fieldline-timescale-db', url },
    { id: 'src', type: 'test-source', wires: [['out']] },
    { id: 'out', type: 'fieldline-timescale-out', store: 'db', policy: 'disk', wires: [[], []] },
  ];
  const powers = async (): Promise<number[]> =>
    (await store.query<{ power: number }>('SELECT power_kw AS power FROM energy_readings ORDER BY 1')).map(
      ({ power }) => power,
    );

  it('keeps readings on the disk, says why, and writes them in once the standby is promoted', async () => {
    await runtime.deploy(flow(primary.url));
    assert.deepEqual(await runtime.emit('src', { payload: meterReading(0) }), { ok: true });
    // It is one that follows: what the primary has taken arrives.
    await until(async () => (await powers()).length > 0);

    await runtime.deploy(flow(standby.url));
    for (let n = 1; n <= READINGS; n += 50) {
      const payload = Array.from({ length: 50 }, (_, at) => meterReading(n + at));
      assert.deepEqual(await runtime.emit('src', { payload }), { ok: true });
    }
    const { fill, text } = await runtime.untilStatus('out', new RegExp(`${READINGS} on disk`));
    assert.equal(fill, 'red');
    assert.match(text ?? '', /read-only.*SQLSTATE 25006/);
    assert.deepEqual(await powers(), [0]);

    await primary.terminate('SIGQUIT');
    await standby.promote();
    await runtime.untilStatus('out', /rows\/s$/);
    assert.deepEqual(
      await powers(),
      Array.from({ length: READINGS + 1 }, (_, n) => n),
    );
  });
});
