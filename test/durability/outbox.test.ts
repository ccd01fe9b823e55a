// A gateway that is killed in the middle of an outage, with rows in its outboxes: all of them are stored, once.
import assert from 'node:assert/strict';
import { startLoad } from '../../bench/load.ts';
import { assertExact, openScene, type Scene } from './scene.ts';

const RATE = 1000;

describe('kill -9 during a database outage, under load', function () {
  this.timeout(90_000);
  let scene: Scene;
  before(async function () {
    scene = await openScene(this);
  });
  after(() => scene?.close());

  it('acknowledges what is on disk while the database is away, and stores it once after a kill', async () => {
    const { gateway, rows, postgres } = scene;
    const load = startLoad({ url: gateway.mqtt, rate: RATE, range: { prefix: 'outbox' } });
    await load.acknowledged(RATE);
    await postgres.terminate('SIGQUIT');
    // More than the window of the source holds: without the outbox nothing would be acknowledged any more.
    await load.acknowledged(load.progress.acknowledged + 4 * RATE);
    const ended = await gateway.end('SIGKILL');
    assert.equal(ended.signal, 'SIGKILL');
    const before = load.progress.acknowledged;
    await postgres.restart();
    await gateway.start();
    await load.acknowledged(before + RATE);
    await assertExact(rows, await load.finish());
  });
});
