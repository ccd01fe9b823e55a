// Every fault of the durability table once, at the random moments of one seed, and some beside every kind of source: nothing lost, nothing twice, and it works on.
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { measureEverything } from '../../bench/durability/everything.ts';
import { faults } from '../../bench/durability/faults.ts';
import { isExact, measure } from '../../bench/durability/measure.ts';
import { openScene, type Scene, whyNoScene } from '../../bench/durability/scene.ts';
import { postgresHere } from '../support/postgres.ts';

const SEED = 4;
const RATE = 600;

for (const kind of new Set(faults.map(fault => fault.scene)))
  describe(`durability, ${kind}`, () => {
    let scene: Scene | undefined;
    before(async function () {
      postgresHere(this);
      const why = whyNoScene(kind);
      if (why !== undefined) {
        console.log(`      skipped: ${why}`);
        this.skip();
      }
      scene = await openScene(kind);
    });
    after(() => scene?.close());

    for (const fault of faults.filter(({ scene }) => scene === kind))
      it(`${fault.says}: ${fault.times.short} under load`, async () => {
        const { gateway } = scene!;
        const outcome = await measure(fault, scene!, { seed: SEED, rate: RATE, short: true });
        assert.ok(outcome.published >= RATE, JSON.stringify(outcome));
        assert.ok(isExact(outcome), `${JSON.stringify(outcome)}\n${gateway.log.slice(-4000)}`);
        while ((await gateway.health()).status !== 200) await wait(50);
      });
  });

describe('durability, every kind of source and link', () => {
  let scene: Scene | undefined;
  before(async function () {
    postgresHere(this);
    scene = await openScene('plain');
  });
  after(() => scene?.close());

  it('faults at once and one after the other: the ledger says what is in the database and at the peers', async () => {
    const { wrong, struck, lines } = await measureEverything(scene!, { seed: SEED, rate: RATE / 3, short: true });
    assert.deepEqual(wrong, [], `${struck.join(', ')}\n${JSON.stringify(lines)}\n${scene!.gateway.log.slice(-4000)}`);
  });
});
