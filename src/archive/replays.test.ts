// Replays as rows of a real PostgreSQL: whoever asks for the same gets the same.
import { onDatabase } from '../../test/support/database.ts';
import assert from 'node:assert/strict';
import { askForReplay, claimReplay, stopReplays } from './replays.ts';

describe('a replay', () => {
  const db = onDatabase();

  it('is asked for once by all who ask in the same words for the same owner until it is over, however close together', async () => {
    const words = { from: '24h', scanner: 'x' };
    const ask = (owner?: string, put: object = words) =>
      askForReplay(db.store.query, { selection: { scanner: 'x' }, askedBy: 'test', owner, words: put });
    const looking = setInterval(() => void claimReplay(db.store.query, 'eager', { owner: 'cli' }), 1);
    const all = await Promise.all(Array.from({ length: 12 }, () => ask('cli')));
    clearInterval(looking);
    const [first] = all;
    assert.deepEqual([...new Set(all.map(({ replay }) => replay.id))], [first!.replay.id]);
    assert.equal(all.filter(({ already }) => !already).length, 1);
    const { id } = (await ask('cli')).replay;
    assert.deepEqual(await db.store.query('SELECT id, state FROM replays'), [{ id, state: 'running' }]);
    const other = await ask('node');
    assert.deepEqual([other.already, other.beside?.id], [false, id]);
    assert.equal((await ask('cli', { scanner: 'x' })).already, false);
    await stopReplays(db.store.query, { id });
    const anew = await ask('cli');
    assert.deepEqual([anew.already, anew.beside?.id], [false, other.replay.id]);
  });
});
