// Deploys under load, of each type and with a change to each kind of node on the way: nothing lost, nothing twice.
import assert from 'node:assert/strict';
import { type DeployType, touching } from '../../bench/gateway.ts';
import { startLoad } from '../../bench/load.ts';
import { assertExact, openScene, type Scene } from './scene.ts';

const RATE = 1000;
const deploys: readonly (readonly [DeployType, string])[] = [
  ['nodes', 'fieldline-normalize'],
  ['nodes', 'fieldline-mqtt-ingest'],
  ['flows', 'fieldline-dedup'],
  ['flows', 'fieldline-timescale-out'],
  ['full', 'fieldline-raw-archive'],
  ['full', 'fieldline-timescale-db'],
];

describe('deploy under load', function () {
  this.timeout(90_000);
  let scene: Scene;
  before(async function () {
    scene = await openScene(this);
  });
  after(() => scene?.close());

  it(`stores every message once through ${deploys.length} deploys`, async () => {
    const { gateway, rows } = scene;
    const load = startLoad({ url: gateway.mqtt, rate: RATE, range: { prefix: 'deploy' } });
    await load.acknowledged(RATE);
    for (const [type, changed] of deploys) {
      await gateway.deploy(type, touching(changed));
      await load.acknowledged(load.progress.acknowledged + RATE / 2);
    }
    await assertExact(rows, await load.finish());
    assert.equal((await gateway.health()).status, 200);
  });
});
