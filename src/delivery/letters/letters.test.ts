// Dead letters on a real PostgreSQL: listed, sent again without doubles, discarded with a name.
import assert from 'node:assert/strict';
import { onDatabase } from '../../../test/support/database.ts';
import type { Settled } from '../../kernel/ticket.ts';
import type { Raw } from '../../reading/raw.ts';
import type { Reading } from '../../reading/reading.ts';
import { keepDeadLetters } from '../../sinks/dead-letters.ts';
import { openDeadLetters } from './file.ts';
import { lettersFolder, moveLetters } from './mover.ts';
import { letterPlace, away, letter, OK, raw, refused, statesIn, T0 } from './letters.fixture.ts';
import {
  countLetters,
  countWaiting,
  discardLetters,
  keepLetters,
  listLetters,
  type NewLetter,
  queueLetters,
} from './letters.ts';
import { letterCondition, letterFilterOf } from './filter.ts';
import { resendRound } from './resend.ts';

describe('dead letters', () => {
  const db = onDatabase();
  const at = letterPlace(db);
  const keep = (...letters: NewLetter[]) => keepLetters(db.store.query, 'node', letters);
  const states = () => statesIn(db.store.query);

  it('are listed by filter, newest first', async () => {
    await keep(letter(1), letter(2, { reason: 'Odd CRC', givenUpAt: T0 + 2000 }), letter(3, { deviceId: 'd' }));
    const list = async (filter: object, limit?: number) =>
      (await listLetters(db.store.query, filter, limit)).map(({ topic }) => topic);
    assert.deepEqual(await list({}), ['t/2', 't/3', 't/1']);
    assert.deepEqual(await list({}, 1), ['t/2']);
    assert.deepEqual(await list({ reason: 'crc' }), ['t/2']);
    assert.deepEqual(await list({ device: 'd' }), ['t/3']);
    assert.deepEqual(await list({ topic: 't/%', source: 'other' }), []);
    assert.deepEqual(await list({ topic: '\\' }), []);
    assert.deepEqual(await list({ state: 'discarded' }), []);
  });

  it('that wait are listed and counted by their index, however many others there are', async () => {
    await keep(letter(1), letter(2));
    await queueLetters(db.store.query, { topic: 't/2' }, 'me');
    await db.store.query(`INSERT INTO dead_letters (source, reason, bytes, digest, state)
      SELECT 's', 'r', '', gen_random_uuid(), 'resolved' FROM generate_series(1, 5000)`);
    await db.store.query('ANALYZE dead_letters');
    const waiting = letterFilterOf({ state: ['open', 'queued'] });
    assert.deepEqual(
      (await listLetters(db.store.query, waiting)).map(({ topic }) => topic),
      ['t/2', 't/1'],
    );
    assert.deepEqual(await countWaiting(db.store.query, {}), { open: 1, queued: 1, resolved: 0, discarded: 0 });
    const { sql } = letterCondition(waiting, 1);
    const plan = await db.store.query(`EXPLAIN SELECT count(*) FROM dead_letters WHERE ${sql}`);
    assert.match(JSON.stringify(plan), /dead_letters_waiting/);
  });

  it('are sent again with their identity, and resolved when they have settled', async () => {
    await keep(letter(2), letter(1));
    const sent: (Raw | Reading)[] = [];
    const emit = async (message: Raw | Reading) => {
      sent.push(message);
      return OK;
    };
    assert.deepEqual(await resendRound({ query: db.store.query, filter: {}, claim: 'desk', emit }), {
      resolved: 0,
      reopened: 0,
      waiting: 0,
    });
    assert.equal((await queueLetters(db.store.query, { topic: 't/1' }, 'operator')).length, 1);
    assert.deepEqual(await resendRound({ query: db.store.query, filter: {}, claim: 'desk', emit }), {
      resolved: 1,
      reopened: 0,
      waiting: 0,
    });
    assert.deepEqual(
      (sent as Raw[]).map(({ entry: _, ...message }) => message),
      [{ topic: 't/1', bytes: Buffer.from([1, 0, 255]), receivedAt: T0 + 1, source: 'pi', protocol: 'mqtt' }],
    );
    assert.deepEqual(await states(), ['t/1 resolved', 't/2 open']);
    const { decided_by, decided_at } = (await listLetters(db.store.query, { topic: 't/1' }))[0]!;
    assert.equal(decided_by, 'operator');
    assert.ok(decided_at instanceof Date);
  });

  it('stay queued over an outage and a crash, and are open again when they fail', async () => {
    await keep(letter(1));
    await queueLetters(db.store.query, {}, 'me');
    const round = (settled: Settled) =>
      resendRound({ query: db.store.query, filter: {}, claim: 'desk', emit: async () => settled });
    assert.deepEqual(await round(away), { resolved: 0, reopened: 0, waiting: 1 });
    assert.deepEqual(await states(), ['t/1 queued']);
    assert.deepEqual(await round(refused), { resolved: 0, reopened: 1, waiting: 0 });
    const { state, reason, attempts } = (await listLetters(db.store.query, {}))[0]!;
    assert.deepEqual([state, reason, attempts], ['open', 'refused again', 4]);
  });

  const readingOf = (telemetry: Reading['telemetry'] = { a: 1 }): Reading => ({
    deviceId: 'd',
    protocol: 'mqtt',
    timestamp: '2026-01-03T16:00:00.000Z',
    telemetry,
    metadata: { digest: '0'.repeat(32) },
  });
  const onDisk = async (...raws: Raw[]) => {
    const file = await openDeadLetters(lettersFolder(at.directory, 'archive'));
    for (const one of raws) await file.append(one, 'refused on disk', 1);
    await file.close();
  };
  /** Ways in which a flow refuses what it was sent: a sink in the table, a link on the disk; all of it, or what it made of it. */
  const refusers: readonly [name: string, refuse: (message: Raw | Reading) => Promise<void>][] = [
    [
      'a sink refuses them again',
      message => keepDeadLetters(db.store.query, 'sink', [{ row: message, topic: 't', reason: 'too large' }]),
    ],
    [
      'a sink refuses two of the readings that were made of them',
      ({ ...message }) =>
        keepDeadLetters(
          db.store.query,
          'sink',
          [1, 2].map(a => {
            const { metadata, ...reading } = readingOf({ a });
            const entry = 'bytes' in message ? message.entry : message.metadata.entry;
            return { row: { ...reading, metadata: { ...metadata, entry } }, topic: 't', reason: 'too large' };
          }),
        ),
    ],
    [
      'a link refuses them again on the disk, as of another time of receipt',
      async message => {
        const entry = 'bytes' in message ? message.entry : message.metadata.entry;
        await onDisk({ ...raw(7), entry, receivedAt: Date.now() });
      },
    ],
  ];
  for (const kind of ['raw', 'reading'] as const)
    for (const fixed of [undefined, readingOf({ a: 3 })])
      for (const [name, refuse] of refusers)
        it(`of kind ${kind}, ${fixed ? 'put right' : 'as they were'}, are one letter with one attempt more when ${name}`, async () => {
          await keep(letter(1, { kind, bytes: Buffer.from(JSON.stringify(readingOf())) }));
          for (const attempts of [4, 5]) {
            await queueLetters(db.store.query, {}, 'me', fixed && Buffer.from(JSON.stringify(fixed)));
            const emit = (message: Raw | Reading) => refuse(message).then(() => OK);
            await resendRound({ query: db.store.query, filter: {}, claim: 'desk', emit });
            // As after a kill -9 in the middle of a move: again changes nothing.
            const dying: typeof db.store.query = async (sql, values) => {
              await db.store.query(sql, values);
              throw new Error('killed');
            };
            await moveLetters(dying, at.directory).catch(() => undefined);
            await moveLetters(db.store.query, at.directory);
            const found = await db.store.query('SELECT kind, state, attempts FROM dead_letters');
            assert.deepEqual(found, [{ kind, state: 'open', attempts }]);
          }
        });

  it('are one letter also where the clock of the database is ahead, and where that of the gateway went back', async () => {
    await keep(letter(1, { givenUpAt: Date.now() + 3_600_000 }));
    const [{ id } = { id: 0 }] = await listLetters(db.store.query, {});
    await queueLetters(db.store.query, {}, 'me');
    await resendRound({ query: db.store.query, filter: {}, claim: 'desk', emit: async () => OK });
    await keep(letter(1, { givenUpAt: Date.now() - 3_600_000, attempts: 1 }));
    const letters = await listLetters(db.store.query, {});
    assert.deepEqual(
      letters.map(one => [one.id, one.state, one.attempts]),
      [[id, 'open', 4]],
    );
  });

  it('of which nobody could say any more that they were sent go again as the same message', async () => {
    await keep(letter(1));
    await queueLetters(db.store.query, {}, 'me', Buffer.from('fixed'));
    const sent: (Raw | Reading)[] = [];
    const emit = async (message: Raw | Reading) => {
      sent.push(message);
      return OK;
    };
    const killed: typeof db.store.query = (sql, values) =>
      /SET state = 'resolved'/.test(sql) ? Promise.reject(new Error('killed')) : db.store.query(sql, values);
    await assert.rejects(resendRound({ query: killed, filter: {}, claim: 'desk', emit }), /killed/);
    assert.deepEqual(await states(), ['t/1 queued']);
    await resendRound({ query: db.store.query, filter: {}, claim: 'desk', emit });
    assert.deepEqual(sent[1], sent[0]);
    assert.deepEqual(await db.store.query('SELECT state, attempts FROM dead_letters'), [
      { state: 'resolved', attempts: 3 },
    ]);
  });

  it('of another database are letters of their own: their number is taken by another one here', async () => {
    await keep(letter(1));
    const [{ id } = { id: 0 }] = await listLetters(db.store.query, {});
    await onDisk(
      { ...raw(2), entry: `letter/00000000-0000-0000-0000-000000000000.${id}` },
      { ...raw(3), entry: 'mqtt/x.1' },
    );
    await moveLetters(db.store.query, at.directory);
    assert.deepEqual(await states(), ['t/1 open', 't/2 open', 't/3 open']);
  });

  it('of which a first and a second version are asked for at once go as one of them, once', async () => {
    await keep(letter(1));
    const versions = ['one', 'two'].map(text => queueLetters(db.store.query, {}, text, Buffer.from(text)));
    await Promise.all(versions);
    const sent: string[] = [];
    const round = () =>
      resendRound({
        query: db.store.query,
        filter: {},
        claim: 'desk',
        async emit(message) {
          // Somebody else asks for it while it is on its way.
          assert.deepEqual(await queueLetters(db.store.query, {}, 'third', Buffer.from('three')), []);
          sent.push(Buffer.from((message as Raw).bytes).toString());
          return OK;
        },
      });
    await round();
    await round();
    assert.equal(sent.length, 1);
    assert.match(sent[0]!, /one|two/);
    assert.deepEqual(await states(), ['t/1 resolved']);
  });

  it('of readings belong to the organisation of the reading', async () => {
    const reading: Reading = {
      deviceId: 'd',
      protocol: 'mqtt',
      timestamp: '2026-01-03T16:00:00.000Z',
      telemetry: { a: 1 },
      metadata: { digest: '0'.repeat(32), orgId: 'north' },
    };
    const refused = [reading, { ...reading, metadata: {} }, 'no reading'].map(row => ({
      row,
      topic: 't',
      reason: 'r',
    }));
    await keepDeadLetters(db.store.query, 'sink', refused);
    assert.deepEqual(await db.store.query('SELECT org_id FROM dead_letters ORDER BY id'), [
      { org_id: 'north' },
      { org_id: null },
      { org_id: null },
    ]);
  });

  it('are sent as they were put right; the original stays', async () => {
    await keep(letter(1), letter(2, { kind: 'reading' }));
    const [reading] = await listLetters(db.store.query, { topic: 't/2' });
    const good = { deviceId: 'd', protocol: 'mqtt', timestamp: 'x', telemetry: {}, metadata: {} };
    await queueLetters(db.store.query, { topic: 't/1' }, 'me', Buffer.from('fixed'));
    await queueLetters(db.store.query, { ids: [reading!.id] }, 'me');
    const sent: unknown[] = [];
    const emit = async (message: Raw | Reading) => {
      sent.push('bytes' in message ? Buffer.from(message.bytes).toString() : message.deviceId);
      return OK;
    };
    await resendRound({ query: db.store.query, filter: {}, claim: 'desk', emit });
    assert.deepEqual(sent, ['fixed']);
    assert.match((await listLetters(db.store.query, { state: 'open' }))[0]!.reason, /expected JSON of a reading/);
    await queueLetters(db.store.query, { ids: [reading!.id] }, 'me', Buffer.from(JSON.stringify(good)));
    await resendRound({ query: db.store.query, filter: {}, claim: 'desk', emit });
    assert.deepEqual(sent, ['fixed', 'd']);
    assert.deepEqual(
      (await listLetters(db.store.query, {})).map(({ bytes }) => bytes[2]),
      [255, 255],
    );
  });

  it('are discarded with a name, and open again only when they are given up anew', async () => {
    await keep(letter(1));
    assert.equal((await discardLetters(db.store.query, {}, 'admin\0')).length, 1);
    assert.equal((await discardLetters(db.store.query, {}, 'admin')).length, 0);
    await keep(letter(1));
    assert.deepEqual(await states(), ['t/1 discarded']);
    assert.equal((await listLetters(db.store.query, {}))[0]?.decided_by, 'admin\uFFFD');
    await keep(letter(1, { givenUpAt: Date.now() + 1000 }));
    assert.deepEqual(await db.store.query('SELECT state, attempts FROM dead_letters'), [
      { state: 'open', attempts: 6 },
    ]);
  });

  it('are kept whatever their fields hold', async () => {
    await keep(
      letter(1, { topic: undefined, receivedAt: 8.64e15, givenUpAt: Number.NaN, attempts: -1, protocol: 'pigeon' }),
      letter(2, { receivedAt: Number.NaN, bytes: new Uint8Array(0), attempts: 1e12, reason: 'x'.repeat(100_000) }),
    );
    assert.equal((await countLetters(db.store.query)).open, 2);
  });
});
