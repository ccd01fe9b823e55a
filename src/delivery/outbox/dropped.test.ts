// What a bound of the outbox drops: whoever counts it has told so on the disk before it is forgotten, so that a crash loses no count.
import assert from 'node:assert/strict';
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { until } from '../../../test/support/until.ts';
import { fakeClock } from '../../kernel/clock.ts';
import { drain, noise, numbers, outboxPlace } from './outbox.fixture.ts';
import { openOutbox } from './outbox.ts';

describe('what a bound of the outbox drops', () => {
  const place = outboxPlace();
  const row = (n: number): string => `${n} ${noise(1000)}`;
  const number = (text: string): number => Number.parseInt(text, 10);

  /** What a crash would leave at this moment. */
  async function left(): Promise<number[]> {
    const copy = join(place.folder, 'copy.outbox');
    for (const suffix of ['', '-wal', '-mark'])
      if (existsSync(place.file + suffix)) cpSync(place.file + suffix, copy + suffix);
    const outbox = await openOutbox<string>(copy);
    const rows = await drain(outbox);
    await outbox.close();
    return rows.map(number);
  }

  for (const [why, options, count] of [
    ['the space', { maxBytes: 4500 }, 8],
    ['the age', { maxAgeMs: 1000 }, 6],
  ] as const)
    it(`${why}: is forgotten when it was told, and not before, whatever leaves meanwhile`, async () => {
      const clock = fakeClock();
      const told: number[] = [];
      const { promise, resolve } = Promise.withResolvers<void>();
      const it = await place.open<string>({
        ...{ clock, full: 'drop-oldest', ...options },
        onDropped(rows) {
          told.push(...rows.map(number));
          return promise;
        },
      });
      for (const n of numbers(0, 3)) await it.append([row(n)]);
      clock.advance(2000);
      const appended = (async () => {
        for (const n of numbers(3, count - 3)) await it.append([row(n)]);
      })();
      if (why === 'the age') await appended;
      else await until(() => told.length > 0);
      const taken = await it.next(1);
      it.settle(taken);
      await until(() => told.length > 0);
      const before = await left();
      assert.deepEqual(
        before.filter(n => told.includes(n)),
        told,
        `a crash brings back what was dropped: ${before}`,
      );
      resolve();
      await appended;
      const rest = [...taken.flatMap(({ rows }) => rows), ...(await drain(it))].map(number);
      assert.deepEqual([...told, ...rest].toSorted(), numbers(0, count), 'each once');
    });

  it('tells rows that are damaged as lost, not as dropped: nobody knows which messages they came from', async () => {
    const before = await place.open<string>();
    for (const n of numbers(0, 6)) await before.append([row(n)]);
    await before.close();
    const database = new DatabaseSync(place.file);
    database.exec('UPDATE entry SET blob = zeroblob(length(blob)) WHERE seq = (SELECT min(seq) + 1 FROM entry)');
    database.close();
    const told: number[] = [];
    const it = await place.open<string>({
      ...{ maxBytes: 4500, full: 'drop-oldest' },
      onDropped: rows => void told.push(...rows.map(number)),
    });
    await it.append([row(6)]);
    const lost = place.gone.filter(({ why }) => why === 'damaged');
    const dropped = place.gone.filter(({ why }) => why === 'full').reduce((sum, { rows }) => sum + rows, 0);
    assert.deepEqual([lost.length, lost[0]?.rows, dropped], [1, 1, told.length]);
    assert.match(lost[0]?.text ?? '', /1 rows lost, the checksum does not match/);
    const left = (await drain(it)).map(number);
    assert.deepEqual([...told, ...left].toSorted(), [0, 2, 3, 4, 5, 6], 'all others, each once');
  });
});
