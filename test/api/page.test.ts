// docs/api.md says what the API answers.
import assert from 'node:assert/strict';
import { openWorld, type World, writingIntake } from '../../src/api/api.fixture.ts';
import { onDatabase } from '../support/database.ts';
import { apiPage, currentPage, fill } from './page.ts';

describe('API page', () => {
  let world: World;
  // Ends before the database does: hooks run in the order in which they were added.
  after(() => world?.close());
  const database = onDatabase();
  before(async () => {
    const { store } = database;
    world = await openWorld(store.query);
    world.offer(writingIntake(store.query));
    await fill(store.query);
  });

  it('shows every route with its answer; `node scripts/api-page.ts` writes it anew', async () => {
    assert.equal(currentPage(), await apiPage(world));
  });
});
