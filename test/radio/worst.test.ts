// The worst that can happen to a radio, for some seconds, on a whole gateway: everything that reached the radio is in the
// database or counted with a reason. `npm run bench -- radio --only worst --full` does the same for ten minutes.
import assert from 'node:assert/strict';
import { postgresFor, type TestPostgres } from '../support/postgres.ts';
import { nobleIsHere, withNoble } from './noble-here.ts';
import { throughTheWorst } from './worst-account.ts';

(nobleIsHere ? describe : describe.skip)(withNoble('a radio through the worst'), () => {
  let postgres: TestPostgres;
  before(async function () {
    if (process.platform !== 'linux') return this.skip();
    postgres = await postgresFor(this);
  });
  after(() => postgres?.stop());

  it('loses nothing without a word', async () => {
    const databaseUrl = await postgres.database('worst');
    const { adverts, frames, struck } = await throughTheWorst({ seed: 5, rate: 400, seconds: 20, databaseUrl });
    assert.ok(Object.keys(struck).length >= 5, JSON.stringify(struck));
    assert.ok(adverts.sent > 1000 && frames.sent > 50, `${adverts.sent} adverts, ${frames.sent} frames`);
    for (const found of [adverts, frames]) {
      assert.deepEqual(found.strange, []);
      assert.equal(found.missing, found.counted, JSON.stringify([found, struck]));
      assert.equal(found.read, found.readable);
    }
  });
});
