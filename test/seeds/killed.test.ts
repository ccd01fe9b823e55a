// The gateway is killed under load: a centrifuge client that kept its position gets every stored row, or is told that it has a gap.
import assert from 'node:assert/strict';
import { Centrifuge } from 'centrifuge';
import type pg from 'pg';
import { WebSocket } from 'ws';
import type { Gateway } from '../../bench/gateway.ts';
import { firstKeyOf, type GatewayOnDatabase, gatewayOnDatabase, postIngest } from '../support/gateway.ts';
import { until } from '../support/until.ts';

const KILLS = 3;

describe('a live client of a gateway that is killed', () => {
  let running: GatewayOnDatabase;
  let gateway: Gateway;
  let pool: pg.Pool;
  let client: Centrifuge | undefined;

  before(async function () {
    running = await gatewayOnDatabase(this, 'killed');
    ({ gateway, pool } = running);
  });
  after(async () => {
    client?.disconnect();
    await running?.remove();
  });

  it('never misses a row without being told so', async () => {
    const key = await firstKeyOf(gateway);
    /** Values in the order of their coming, and `gap` where the server said that it cannot go on. */
    const told: (number | 'gap' | 'resumed')[] = [];
    const epochs = new Set<unknown>();
    client = new Centrifuge(`${gateway.url.replace('http', 'ws')}/ws`, {
      ...{ websocket: WebSocket, minReconnectDelay: 20, maxReconnectDelay: 100 },
    });
    const subscription = client.newSubscription('flow_data_changes', { recoverable: true, positioned: true });
    subscription.on('publication', ({ data }) => told.push((data as { flow_rate: number }).flow_rate));
    subscription.on('subscribed', ({ wasRecovering, recovered, streamPosition }) => {
      epochs.add(streamPosition?.epoch);
      if (wasRecovering) told.push(recovered ? 'resumed' : 'gap');
    });
    subscription.subscribe();
    client.connect();
    await subscription.ready(20_000);

    let sent = 0;
    let publishing = true;
    const publisher = (async () => {
      while (publishing) {
        const rows = Array.from({ length: 5 }, () => ({ device_id: 'nivus-1', flow_rate: ++sent }));
        // What a gateway that is away does not answer is lost to us, and no matter here.
        const messages = rows.map((row, n) => ({ ...row, timestamp: new Date(1.77e12 + (sent + n) * 1000) }));
        await postIngest(gateway, key, messages, AbortSignal.timeout(5000)).then(
          answer => answer.body?.cancel(),
          () => undefined,
        );
        await new Promise(resolve => setTimeout(resolve, 100));
      }
    })();

    const gaps = () => told.filter(one => one === 'gap').length;
    for (let kill = 1; kill <= KILLS; kill++) {
      const before = told.length;
      await until(() => told.length > before + 15);
      const known = [gaps(), epochs.size] as const;
      await gateway.end('SIGKILL');
      await gateway.start();
      await until(() => gaps() > known[0]);
      // Another one, and one more where the machine takes so long that clients are let in before the snapshot is there.
      assert.ok(epochs.size > known[1], 'each kill begins a new epoch');
    }
    const last = told.length;
    await until(() => told.length > last + 5);
    publishing = false;
    await publisher;
    const { rows } = await pool.query<{ flow_rate: number }>('SELECT flow_rate FROM flow_data ORDER BY id');
    await until(() => told.includes(rows.at(-1)!.flow_rate));

    const values = told.filter(one => typeof one === 'number');
    assert.equal(new Set(values).size, values.length, 'nothing twice');
    const seen = new Set(values);
    const stored = rows.map(row => row.flow_rate);
    for (const [at, value] of stored.entries()) {
      if (seen.has(value)) continue;
      const before = told.indexOf(stored.slice(0, at).findLast(one => seen.has(one)) ?? Number.NaN);
      const after = told.indexOf(stored.slice(at).find(one => seen.has(one)) ?? Number.NaN);
      assert.ok(told.slice(before + 1, after).includes('gap'), `row ${value} was missed, and nobody said so`);
    }
  });
});
