// A database that goes away under load: the gateway lives on, keeps what was acknowledged, and stores it once.
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { startLoad } from '../../bench/load.ts';
import { verdict } from '../../bench/rows.ts';
import { openScene, type Scene } from './scene.ts';

const RATE = 1000;
const DOWN_MS = 5000;

describe('database outage under load', function () {
  this.timeout(90_000);
  let scene: Scene;
  before(async function () {
    scene = await openScene(this);
  });
  after(() => scene?.close());

  it('stores every message once, in the same process, after the database was stopped', async () => {
    const { gateway, rows, postgres } = scene;
    const { pid } = gateway;
    const load = startLoad({ url: gateway.mqtt, rate: RATE, range: { prefix: 'outage' } });
    await load.acknowledged(2 * RATE);
    await postgres.terminate('SIGQUIT');
    // The length of the outage, not a wait for something to happen.
    await wait(DOWN_MS);
    assert.equal((await gateway.health()).status, 503);
    await postgres.restart();
    await load.acknowledged(Math.max(load.progress.acknowledged, DOWN_MS) + RATE);
    const { range, unacknowledged } = await load.finish();
    const count = await rows.settled(range);
    assert.deepEqual(unacknowledged, []);
    assert.equal(verdict(count), '0 lost, 0 duplicate', `missing from ${count.firstLost.join(', ')}`);
    assert.equal(count.stored, range.next);
    assert.ok(gateway.running);
    assert.equal(gateway.pid, pid);
    assert.equal((await gateway.health()).status, 200);
  });
});
