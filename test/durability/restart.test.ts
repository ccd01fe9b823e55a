// A gateway that is killed, or stopped, under load: what was acknowledged is in the database, once.
import assert from 'node:assert/strict';
import { startLoad } from '../../bench/load.ts';
import { assertExact, openScene, type Scene } from './scene.ts';

const RATE = 1000;

describe('restart under load', function () {
  this.timeout(90_000);
  let scene: Scene;
  before(async function () {
    scene = await openScene(this);
  });
  after(() => scene?.close());

  it('loses nothing and doubles nothing on kill -9, broker included', async () => {
    const { gateway, rows } = scene;
    const load = startLoad({ url: gateway.mqtt, rate: RATE, range: { prefix: 'kill' } });
    await load.acknowledged(2 * RATE);
    const ended = await gateway.end('SIGKILL');
    assert.equal(ended.signal, 'SIGKILL');
    const before = load.progress.acknowledged;
    await gateway.start();
    await load.acknowledged(before + 2 * RATE);
    const published = await load.finish();
    assert.ok(published.reconnects > 0, 'the publisher has seen the broker go');
    await assertExact(rows, published);
  });

  it('drains and ends by itself on SIGTERM, and goes on where it was', async () => {
    const { gateway, rows } = scene;
    const load = startLoad({ url: gateway.mqtt, rate: RATE, range: { prefix: 'term' } });
    await load.acknowledged(2 * RATE);
    const ended = await gateway.end('SIGTERM');
    assert.deepEqual({ code: ended.code, signal: ended.signal }, { code: 0, signal: null }, gateway.log);
    const before = load.progress.acknowledged;
    await gateway.start();
    await load.acknowledged(before + 2 * RATE);
    await assertExact(rows, await load.finish());
  });
});
