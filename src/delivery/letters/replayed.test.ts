// What a replay is refused of which a dead letter waits already, on a real PostgreSQL: it stays that letter.
import assert from 'node:assert/strict';
import { onDatabase } from '../../../test/support/database.ts';
import { digest } from '../../kernel/bytes.ts';
import type { Reading } from '../../reading/reading.ts';
import { replayEntry } from '../../reading/stages.ts';
import { keepDeadLetters } from '../../sinks/dead-letters.ts';
import { letter, T0 } from './letters.fixture.ts';
import { discardLetters, keepLetters, listLetters, type NewLetter, queueLetters } from './letters.ts';

describe('dead letters of a replay', () => {
  const db = onDatabase();
  beforeEach(() => db.store.query('TRUNCATE dead_letters'));
  const reading = (score: number, more: Partial<Reading> = {}, entry?: string): Reading => ({
    ...{ deviceId: 'meter', protocol: 'mqtt', timestamp: new Date(T0).toISOString(), telemetry: { voltage: 23_000 } },
    ...more,
    metadata: {
      ...{ digest: digest('as received'), receivedAt: T0, anomaly: { score, metric: 'voltage', kind: 'spike' } },
      ...(entry === undefined ? {} : { entry }),
    },
  });
  const refuse = (source: string, row: Reading, reason = `of ${source}`) =>
    keepDeadLetters(db.store.query, source, [{ row, topic: undefined, reason }]);
  const giveUp = (source: string, more: Partial<NewLetter>) =>
    keepLetters(db.store.query, source, [letter(1, { ...more, reason: `of ${source}` })]);
  const all = async () =>
    (await listLetters(db.store.query, {}))
      .map(({ source, state, attempts, reason }) => `${source} ${state} ${attempts}, ${reason}`)
      .sort();
  const ids = { state: ['open', 'queued'] } as const;

  it('are one with the reading that waits, whatever it scores now', async () => {
    await refuse('live', reading(-0.2));
    await refuse('again', reading(1, {}, replayEntry(1)));
    await refuse('again', reading(0.5, {}, replayEntry(1)));
    assert.deepEqual(await all(), ['live open 3, of again']);
    await queueLetters(db.store.query, ids, 'me');
    await refuse('again', reading(1, {}, replayEntry(1)), 'once more');
    assert.deepEqual(await all(), ['live queued 4, once more']);
  });

  it('are one with the message that waits, and was received at the same time', async () => {
    await giveUp('live', {});
    await giveUp('again', { entry: replayEntry(1) });
    await giveUp('again', { entry: replayEntry(1), receivedAt: T0 + 9 });
    assert.deepEqual(await all(), ['again open 3, of again', 'live open 6, of again']);
  });

  it('are letters of their own where another reading was made of it, nothing waits, or no replay brings it', async () => {
    await refuse('live', reading(1));
    await refuse('other table', reading(1));
    await refuse('again', reading(1, { telemetry: { voltage: 24_000 } }, replayEntry(1)));
    assert.deepEqual(await all(), [
      'again open 1, of again',
      'live open 1, of live',
      'other table open 1, of other table',
    ]);
    await discardLetters(db.store.query, ids, 'me');
    await refuse('again', reading(1, {}, replayEntry(1)));
    assert.deepEqual((await all())[1], 'again open 1, of again');
  });
});
