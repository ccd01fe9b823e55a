// Dead letters on a real PostgreSQL: moved from the disk once, listed, sent again without doubles, discarded with a name.
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Settled } from '../kernel/ticket.ts';
import { Fault } from '../kernel/fault.ts';
import type { Raw } from '../reading/raw.ts';
import type { Reading } from '../reading/reading.ts';
import { keepDeadLetters } from '../sinks/dead-letters.ts';
import { openDeadLetters } from './dead-letter-file.ts';
import { lettersFolder, moveLetters } from './dead-letter-mover.ts';
import {
  countLetters,
  discardLetters,
  keepLetters,
  listLetters,
  type NewLetter,
  queueLetters,
} from './dead-letters.ts';
import { letterFilterOf } from './letter-filter.ts';
import { resendRound } from './resend.ts';
import { onDatabase } from '../../test/support/database.ts';

const T0 = Date.UTC(2026, 0, 3, 16);
const OK: Settled = { ok: true };
const refused: Settled = { ok: false, kind: 'data', reason: 'refused again' };
const away: Settled = { ok: false, kind: 'outage', reason: 'away' };

const letter = (n: number, more: Partial<NewLetter> = {}): NewLetter => ({
  kind: 'raw',
  topic: `t/${n}`,
  scannerId: 'pi',
  protocol: 'mqtt',
  reason: 'no good',
  attempts: 3,
  receivedAt: T0 + n,
  givenUpAt: T0 + 1000,
  bytes: Buffer.from([n, 0, 255]),
  ...more,
});
const raw = (n: number, more: Partial<Raw> = {}): Raw => ({
  topic: `t/${n}`,
  source: 'pi',
  protocol: 'bluetooth',
  deviceId: 'AA',
  receivedAt: T0 + n,
  bytes: Buffer.from([n, 0, 255]),
  ...more,
});

describe('filter of dead letters', () => {
  const right: readonly [given: unknown, filter: object][] = [
    [undefined, {}],
    [{ id: '7' }, { ids: [7] }],
    [
      { ids: [1, 2], state: 'open', topic: '' },
      { ids: [1, 2], state: 'open' },
    ],
    [{ reason: 'x', other: 1 }, { reason: 'x' }],
  ];
  for (const [given, filter] of right)
    it(`takes ${JSON.stringify(given)}`, () => assert.deepEqual(letterFilterOf(given), filter));
  for (const given of [
    'all',
    [],
    { id: 0 },
    { ids: ['x'] },
    { ids: [1.5] },
    { state: 'gone' },
    { topic: 7 },
    { source: 'a\0' },
  ])
    it(`refuses ${JSON.stringify(given)}`, () => assert.throws(() => letterFilterOf(given), Fault));
});

describe('dead letters', () => {
  const db = onDatabase();
  let directory: string;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'letters-'));
    await db.store.query('TRUNCATE dead_letters');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const keep = (...letters: NewLetter[]) => keepLetters(db.store.query, 'node', letters);
  const states = async () =>
    (await listLetters(db.store.query, {})).map(({ topic, state }) => `${topic} ${state}`).sort();

  describe('on the disk', () => {
    const files = (node: string) => readdirSync(lettersFolder(directory, node));
    async function onDisk(node: string, ...raws: Raw[]): Promise<void> {
      const file = await openDeadLetters(lettersFolder(directory, node));
      for (const one of raws) await file.append(one, 'bad\0 \ud83d', 3);
      await file.close();
    }

    it('move into the table with all that is known of them', async () => {
      await onDisk('mqtt 1', raw(1), raw(1, { receivedAt: T0 + 9 }), raw(2, { topic: 'x\0y' }));
      assert.deepEqual(await moveLetters(db.store.query, directory), { letters: 3, damaged: 0 });
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
      assert.deepEqual(await moveLetters(db.store.query, directory), { letters: 0, damaged: 0 });
    });

    it('stay there while the database is away, and are one letter when they are moved twice', async () => {
      await onDisk('n', raw(1), raw(2));
      const dying = async (sql: string, values?: readonly unknown[]) => {
        await db.store.query(sql, values);
        throw new Fault('FIELDLINE_DATABASE', 'gone before it could say so', { kind: 'outage' });
      };
      await assert.rejects(moveLetters(dying as typeof db.store.query, directory), /gone before/);
      assert.equal(files('n').length, 1);
      assert.deepEqual(await moveLetters(db.store.query, directory), { letters: 2, damaged: 0 });
      assert.deepEqual(await states(), ['t/1 open', 't/2 open']);
      assert.deepEqual(await db.store.query('SELECT DISTINCT attempts FROM dead_letters'), [{ attempts: 3 }]);
    });

    it('of which some lines are damaged: the rest moves, and what is left of those is kept', async () => {
      await onDisk('n', raw(1));
      appendFileSync(join(lettersFolder(directory, 'n'), files('n')[0]!), '{"topic":"t/9","byt\nnull\n');
      await onDisk('n', raw(2));
      assert.deepEqual(await moveLetters(db.store.query, directory), { letters: 2, damaged: 2 });
      const damaged = (await listLetters(db.store.query, {})).filter(({ kind }) => kind === 'damaged');
      assert.deepEqual(damaged.map(({ bytes }) => Buffer.from(bytes).toString()).sort(), [
        'null',
        '{"topic":"t/9","byt',
      ]);
      assert.equal((await queueLetters(db.store.query, { ids: damaged.map(({ id }) => id) }, 'me')).length, 0);
    });

    it('move while others are appended: each arrives once', async () => {
      const file = await openDeadLetters(lettersFolder(directory, 'n'));
      const appended = (async () => {
        for (let n = 0; n < 200; n++) await file.append(raw(n), 'x', 3);
      })();
      let done = false;
      appended.then(() => {
        done = true;
      });
      let moved = 0;
      while (!done) moved += (await moveLetters(db.store.query, directory)).letters;
      await file.close();
      moved += (await moveLetters(db.store.query, directory)).letters;
      assert.equal(moved, 200);
      assert.deepEqual(await countLetters(db.store.query), { open: 200, queued: 0, resolved: 0, discarded: 0 });
    });

    it('are nobody in a data directory without any', async () => {
      assert.deepEqual(await moveLetters(db.store.query, join(directory, 'none')), { letters: 0, damaged: 0 });
    });
  });

  it('are listed by filter, newest first', async () => {
    await keep(letter(1), letter(2, { reason: 'Odd CRC', givenUpAt: T0 + 2000 }), letter(3, { deviceId: 'd' }));
    const list = async (filter: object, limit?: number) =>
      (await listLetters(db.store.query, filter, limit)).map(({ topic }) => topic);
    assert.deepEqual(await list({}), ['t/2', 't/3', 't/1']);
    assert.deepEqual(await list({}, 1), ['t/2']);
    assert.deepEqual(await list({ reason: 'crc' }), ['t/2']);
    assert.deepEqual(await list({ device: 'd' }), ['t/3']);
    assert.deepEqual(await list({ topic: 't/%', source: 'other' }), []);
    assert.deepEqual(await list({ state: 'discarded' }), []);
  });

  it('are sent again with their identity, and resolved when they have settled', async () => {
    await keep(letter(2), letter(1));
    const sent: (Raw | Reading)[] = [];
    const emit = async (message: Raw | Reading) => {
      sent.push(message);
      return OK;
    };
    assert.deepEqual(await resendRound({ query: db.store.query, filter: {}, emit }), {
      resolved: 0,
      reopened: 0,
      waiting: 0,
    });
    assert.equal((await queueLetters(db.store.query, { topic: 't/1' }, 'operator')).length, 1);
    assert.deepEqual(await resendRound({ query: db.store.query, filter: {}, emit }), {
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
    const round = (settled: Settled) => resendRound({ query: db.store.query, filter: {}, emit: async () => settled });
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
    const file = await openDeadLetters(lettersFolder(directory, 'archive'));
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
            await resendRound({ query: db.store.query, filter: {}, emit });
            // As after a kill -9 in the middle of a move: again changes nothing.
            const dying: typeof db.store.query = async (sql, values) => {
              await db.store.query(sql, values);
              throw new Error('killed');
            };
            await moveLetters(dying, directory).catch(() => undefined);
            await moveLetters(db.store.query, directory);
            const found = await db.store.query('SELECT kind, state, attempts FROM dead_letters');
            assert.deepEqual(found, [{ kind, state: 'open', attempts }]);
          }
        });

  it('are one letter also where the clock of the database is ahead, and where that of the gateway went back', async () => {
    await keep(letter(1, { givenUpAt: Date.now() + 3_600_000 }));
    const [{ id } = { id: 0 }] = await listLetters(db.store.query, {});
    await queueLetters(db.store.query, {}, 'me');
    await resendRound({ query: db.store.query, filter: {}, emit: async () => OK });
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
    await assert.rejects(resendRound({ query: killed, filter: {}, emit }), /killed/);
    assert.deepEqual(await states(), ['t/1 queued']);
    await resendRound({ query: db.store.query, filter: {}, emit });
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
    await moveLetters(db.store.query, directory);
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
    await resendRound({ query: db.store.query, filter: {}, emit });
    assert.deepEqual(sent, ['fixed']);
    assert.match((await listLetters(db.store.query, { state: 'open' }))[0]!.reason, /expected JSON of a reading/);
    await queueLetters(db.store.query, { ids: [reading!.id] }, 'me', Buffer.from(JSON.stringify(good)));
    await resendRound({ query: db.store.query, filter: {}, emit });
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
