// Dead letters from the disk into a real PostgreSQL: each once, with all that is known of it, whatever is damaged.
import assert from 'node:assert/strict';
import { appendFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { onDatabase } from '../../../test/support/database.ts';
import { Fault } from '../../kernel/fault.ts';
import type { Raw } from '../../reading/raw.ts';
import { openDeadLetters } from './file.ts';
import { lettersFolder, moveLetters } from './mover.ts';
import { letterPlace, T0, raw, statesIn } from './letters.fixture.ts';
import { countLetters, listLetters, queueLetters } from './letters.ts';

describe('dead letters on the disk', () => {
  const db = onDatabase();
  const at = letterPlace(db);
  const files = (node: string) => readdirSync(lettersFolder(at.directory, node));
  async function onDisk(node: string, ...raws: Raw[]): Promise<void> {
    const file = await openDeadLetters(lettersFolder(at.directory, node));
    for (const one of raws) await file.append(one, 'bad\0 \ud83d', 3);
    await file.close();
  }

  it('move into the table with all that is known of them', async () => {
    await onDisk('mqtt 1', raw(1), raw(1, { receivedAt: T0 + 9 }), raw(2, { topic: 'x\0y' }));
    assert.deepEqual(await moveLetters(db.store.query, at.directory), { letters: 3, damaged: 0 });
    const [last, ...others] = await listLetters(db.store.query, { source: 'mqtt 1' });
    assert.deepEqual(others.map(({ topic, received_at }) => [topic, received_at?.getTime()]).sort(), [
      ['t/1', T0 + 1],
      ['t/1', T0 + 9],
    ]);
    const { kind, state, scanner_id, protocol, device_id, attempts, topic, reason, bytes } = last!;
    assert.deepEqual(
      {
        kind,
        state,
        scanner_id,
        protocol,
        device_id,
        attempts,
        topic,
        reason,
        hex: Buffer.from(bytes).toString('hex'),
      },
      {
        ...{ kind: 'raw', state: 'open', scanner_id: 'pi', protocol: 'bluetooth', device_id: 'AA', attempts: 3 },
        ...{ topic: 'x\uFFFDy', reason: 'bad\uFFFD \uFFFD', hex: '0200ff' },
      },
    );
    assert.deepEqual(files('mqtt 1'), []);
    assert.deepEqual(await moveLetters(db.store.query, at.directory), { letters: 0, damaged: 0 });
  });

  it('stay there while the database is away, and are one letter when they are moved twice', async () => {
    await onDisk('n', raw(1), raw(2));
    const dying = async (sql: string, values?: readonly unknown[]) => {
      await db.store.query(sql, values);
      throw new Fault('FIELDLINE_DATABASE', 'gone before it could say so', { kind: 'outage' });
    };
    await assert.rejects(moveLetters(dying as typeof db.store.query, at.directory), /gone before/);
    assert.equal(files('n').length, 1);
    assert.deepEqual(await moveLetters(db.store.query, at.directory), { letters: 2, damaged: 0 });
    assert.deepEqual(await statesIn(db.store.query), ['t/1 open', 't/2 open']);
    assert.deepEqual(await db.store.query('SELECT DISTINCT attempts FROM dead_letters'), [{ attempts: 3 }]);
  });

  it('of which some lines are damaged: the rest moves, and what is left of those is kept', async () => {
    await onDisk('n', raw(1));
    appendFileSync(join(lettersFolder(at.directory, 'n'), files('n')[0]!), '{"topic":"t/9","byt\nnull\n');
    await onDisk('n', raw(2));
    assert.deepEqual(await moveLetters(db.store.query, at.directory), { letters: 2, damaged: 2 });
    const damaged = (await listLetters(db.store.query, {})).filter(({ kind }) => kind === 'damaged');
    assert.deepEqual(damaged.map(({ bytes }) => Buffer.from(bytes).toString()).sort(), ['null', '{"topic":"t/9","byt']);
    assert.equal((await queueLetters(db.store.query, { ids: damaged.map(({ id }) => id) }, 'me')).length, 0);
  });

  it('move while others are appended: each arrives once', async () => {
    const file = await openDeadLetters(lettersFolder(at.directory, 'n'));
    const appended = (async () => {
      for (let n = 0; n < 200; n++) await file.append(raw(n), 'x', 3);
    })();
    let done = false;
    appended.then(() => {
      done = true;
    });
    let moved = 0;
    while (!done) moved += (await moveLetters(db.store.query, at.directory)).letters;
    await file.close();
    moved += (await moveLetters(db.store.query, at.directory)).letters;
    assert.equal(moved, 200);
    assert.deepEqual(await countLetters(db.store.query), { open: 200, queued: 0, resolved: 0, discarded: 0 });
  });

  it('are nobody in a data directory without any', async () => {
    assert.deepEqual(await moveLetters(db.store.query, join(at.directory, 'none')), { letters: 0, damaged: 0 });
  });
});
