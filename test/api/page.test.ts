// docs/api.md says what the API answers.
import assert from 'node:assert/strict';
import { openWorld, type World, writingIntake } from '../../src/api/api.fixture.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { postgresFor, type TestPostgres } from '../support/postgres.ts';
import { apiPage, currentPage, fill } from './page.ts';

describe('API page', () => {
  let postgres: TestPostgres | undefined;
  let store: Store;
  let world: World;
  before(async function () {
    postgres = await postgresFor(this);
    await migrate(postgres.url);
    store = openStore({ url: postgres.url });
    world = await openWorld(store.query);
    world.offer(writingIntake(store.query));
    await fill(store.query);
  });
  after(async () => {
    await world?.close();
    await store?.close();
    await postgres?.stop();
  });

  it('shows every route with its answer; `node scripts/api-page.ts` writes it anew', async () => {
    assert.equal(currentPage(), await apiPage(world));
  });
});
