// A database that goes away under load: the gateway lives on, keeps what was acknowledged, and stores it once.
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { startLoad } from '../../bench/load.ts';
import { assertExact, openScene, type Scene } from './scene.ts';

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
    await load.acknowledged(load.progress.acknowledged + RATE);
    await assertExact(rows, await load.finish());
    assert.ok(gateway.running);
    assert.equal(gateway.pid, pid);
    assert.equal((await gateway.health()).status, 200);
  });
});
