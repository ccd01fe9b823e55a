// Large dead letters: kept whole up to what can be shown, in part beyond it, and never more of them in memory than must be.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LARGEST_LETTER } from '../../reading/letter.ts';
import type { Raw } from '../../reading/raw.ts';
import type { Reading } from '../../reading/reading.ts';
import { keepDeadLetters } from '../../sinks/dead-letters.ts';
import { onDatabase } from '../../../test/support/database.ts';
import { openDeadLetters } from './file.ts';
import { lettersFolder, moveLetters } from './mover.ts';
import { keepLetters, listLetters, queueLetters } from './letters.ts';
import { carryOut } from './orders.ts';
import { resendRound } from './resend.ts';

const MEGABYTE = 1 << 20;
const raw = (bytes: Uint8Array): Raw => ({ topic: 't', source: 's', protocol: 'mqtt', receivedAt: 1e12, bytes });
const reading = (text: string): Reading => ({
  ...{ deviceId: 'a', protocol: 'mqtt', timestamp: '2026-01-03T16:00:00.000Z', telemetry: { power: 1 } },
  metadata: { extra: { text } },
});

describe('large dead letters', () => {
  const db = onDatabase();
  beforeEach(() => db.store.query('TRUNCATE dead_letters RESTART IDENTITY'));
  const keep = (count: number, bytes: number) =>
    keepLetters(
      db.store.query,
      'n',
      Array.from({ length: count }, (_, at) => ({
        ...{ kind: 'raw', topic: 't', reason: 'no', attempts: 1, receivedAt: 1e12, givenUpAt: 1e12 + at },
        bytes: Buffer.alloc(bytes, 65 + at),
      })),
    );

  it('keeps the begin of one that is too large, by way of the disk, and says so', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'letters-'));
    try {
      const file = await openDeadLetters(lettersFolder(directory, 'n'));
      await file.append(raw(Buffer.alloc(LARGEST_LETTER + 1, 65)), 'no good', 3);
      await file.append(raw(Buffer.from('small')), 'no good', 3);
      await file.close();
      assert.deepEqual(await moveLetters(db.store.query, directory), { letters: 2, damaged: 0 });
    } finally {
      rmSync(directory, { recursive: true });
    }
    const letters = await listLetters(db.store.query, {});
    const kinds = letters.map(({ kind, size }) => `${kind} ${size}`).sort();
    assert.deepEqual(kinds, [`damaged ${MEGABYTE}`, 'raw 5']);
    const [large] = letters.filter(({ kind }) => kind === 'damaged');
    assert.match(
      large!.reason,
      /^only the first 1048576 of 134217729 bytes are kept \(digest of all \w{32}\).*; no good$/,
    );
    assert.deepEqual(await queueLetters(db.store.query, {}, 'me'), [letters.find(({ size }) => size === 5)!.id]);
  });

  it('keeps refused readings of any size, the neighbours of a large one whole', async () => {
    const sizes = [LARGEST_LETTER + 10, 10, 70 * MEGABYTE, 70 * MEGABYTE];
    await keepDeadLetters(
      db.store.query,
      'out',
      sizes.map((size, at) => ({
        row: reading(String.fromCharCode(97 + at).repeat(size)),
        topic: undefined,
        reason: 'no',
      })),
    );
    const letters = await listLetters(db.store.query, {});
    assert.deepEqual(letters.map(({ kind, size }) => `${kind} ${Math.floor(size / MEGABYTE)}`).sort(), [
      'damaged 1',
      'reading 0',
      'reading 70',
      'reading 70',
    ]);
    // Without a topic: a reading in its place is sent.
    const cut = { ids: [letters.find(({ kind }) => kind === 'damaged')!.id] };
    await queueLetters(db.store.query, cut, 'me', Buffer.from(JSON.stringify(reading('short'))));
    const sent: Reading[] = [];
    await resendRound({
      query: db.store.query,
      filter: {},
      claim: 'desk',
      emit(message) {
        sent.push(message as Reading);
        return Promise.resolve({ ok: true });
      },
    });
    assert.deepEqual(
      sent.map(({ metadata: { entry: _, ...metadata }, ...rest }) => ({ ...rest, metadata })),
      [reading('short')],
    );
  });

  it('lists the first bytes of each, and shows the first of them whole', async () => {
    await keep(3, 5000);
    const { letters } = await carryOut({ command: 'list' }, { query: db.store.query, filter: {}, by: 'me' });
    assert.deepEqual(
      letters!.map(({ size, hex, text }) => [size, hex.length, text?.length]),
      [0, 1, 2].map(() => [5000, 8192, 4096]),
    );
    const shown = await listLetters(db.store.query, {}, 100, 10_000);
    assert.deepEqual(
      shown.map(({ bytes }) => bytes.length),
      [5000, 5000, 4096],
    );
  });

  it('lists a text whose characters are cut in two', async () => {
    await keepLetters(db.store.query, 'n', [
      { kind: 'raw', reason: 'no', attempts: 1, givenUpAt: 1e12, bytes: Buffer.from(`x${'ä'.repeat(4096)}`) },
    ]);
    const { letters } = await carryOut({ command: 'list' }, { query: db.store.query, filter: {}, by: 'me' });
    assert.equal(letters![0]!.text, `x${'ä'.repeat(2047)}`);
  });

  it('sends few of them at once', async () => {
    await keep(5, 6 * MEGABYTE);
    await queueLetters(db.store.query, {}, 'me');
    const rounds: number[] = [];
    for (let sent = 0; sent < 5; sent += rounds.at(-1)!) {
      const sizes: number[] = [];
      await resendRound({
        query: db.store.query,
        filter: {},
        claim: 'desk',
        emit(message) {
          sizes.push((message as Raw).bytes.length);
          return Promise.resolve({ ok: true });
        },
      });
      assert.deepEqual(new Set(sizes), new Set([6 * MEGABYTE]));
      rounds.push(sizes.length);
    }
    assert.deepEqual(rounds, [3, 2]);
  });
});
