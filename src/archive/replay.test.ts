// Replay on a real PostgreSQL: what is selected, that each message comes once and in order, and that a crash loses nothing.
import assert from 'node:assert/strict';
import { Fault } from '../kernel/fault.ts';
import type { Settled } from '../kernel/ticket.ts';
import type { Raw } from '../reading/raw.ts';
import { isReplayEntry } from '../reading/stages.ts';
import { archive } from './archive.ts';
import { openReplay, type ReplayRun } from './replay.ts';
import { askForReplay, claimReplay, countReplay, releaseReplay, type Replay, stopReplays } from './replays.ts';
import { archiveRow } from './row.ts';
import type { Selection } from './selection.ts';
import { onDatabase } from '../../test/support/database.ts';
import { until } from '../../test/support/until.ts';

const T0 = Date.UTC(2026, 0, 3, 16);
const base = { topic: 'home/a', source: 'pi', protocol: 'mqtt' } as const;
const OK: Settled = { ok: true };
const nothingLive = () => Promise.resolve(0);

describe('replay', () => {
  const db = onDatabase();
  afterEach(() => db.store?.query('TRUNCATE raw_advertisements, receipts, replays'));

  const keep = (...messages: readonly Partial<Raw>[]) =>
    archive({ query: db.store.prepared, bulk: db.store.bulk, target: 't' }).write(
      messages.map((message, n) =>
        archiveRow({ ...base, receivedAt: T0 + n, bytes: Buffer.from(`${n}`), ...message }, T0 + 1000),
      ),
    );
  const claimed = async (selection: Selection = {}, claim = 'me'): Promise<Replay> => {
    const { id } = (await askForReplay(db.store.query, { selection, askedBy: 'test' })).replay;
    return (await claimReplay(db.store.query, claim, { id }))!;
  };
  /** Runs to the end; settles each message on a later turn. */
  async function all(run: ReplayRun, settle: (raw: Raw, n: number) => boolean = () => true): Promise<Raw[]> {
    const got: Raw[] = [];
    const handle = run.source((raw, done) => {
      if (settle(raw, got.push(raw))) setImmediate(() => done(OK));
    });
    await run.ended;
    await handle.close();
    return got;
  }
  const open = (replay: Replay, more: object = {}) =>
    openReplay({ query: db.store.query, replay, claim: 'me', live: nothingLive, ...more });

  it('gives each message as its source did, in order, over pages and equal times', async () => {
    const ble: Partial<Raw> = { topic: 'ble/pi/AA/fff1', protocol: 'bluetooth', deviceId: 'AA', signalStrength: -70 };
    const messages = [
      ...Array.from({ length: 7 }, (_, n) => ({ receivedAt: T0 + (n >> 1), bytes: Buffer.from([n, 255]) })),
      { ...ble, receivedAt: T0 + 50 },
      { bytes: Buffer.from('{"timestamp":"2026-01-03T16:00:01.000001Z"}'), receivedAt: T0 + 900 },
    ];
    await keep(...messages);
    const got = await all(open(await claimed(), { pageRows: 2 }));
    assert.deepEqual(
      got.map(({ bytes, receivedAt }) => [Buffer.from(bytes).toString('hex'), receivedAt]),
      messages.map(({ bytes = Buffer.from('7'), receivedAt }) => [Buffer.from(bytes).toString('hex'), receivedAt]),
    );
    const { bytes, entry, ...link } = got[7]!;
    assert.ok(isReplayEntry(entry), entry);
    assert.deepEqual(link, { ...ble, source: 'pi', receivedAt: T0 + 50 });
    assert.deepEqual(await db.store.query('SELECT state, settled, failed, claimed_until FROM replays'), [
      { state: 'done', settled: 9, failed: 0, claimed_until: null },
    ]);
  });

  const selections: readonly [selection: Selection, texts: readonly string[]][] = [
    [{}, ['0', '1', '2', '3', '4', '5', '6']],
    [{ from: new Date(T0 + 2).toISOString(), to: new Date(T0 + 4).toISOString() }, ['2', '3']],
    [{ scanner: 'attic' }, ['3']],
    [{ topic: 'home/#' }, ['0', '1']],
    [{ topic: 'home/+/x' }, []],
    [{ topic: '+/+' }, ['0', '1', '6']],
    [{ topic: '#' }, ['0', '1', '3', '4', '5', '6']],
    [{ topic: '$SYS/#' }, ['2']],
    [{ topic: 'home' }, []],
    [{ topic: 'modbus/#' }, ['6']],
    [{ device: 'b.c' }, ['1']],
    [{ device: 'aa-bb-cc-dd-ee-ff' }, ['3', '4', '5']],
    [{ device: 'aabb.ccdd.eeff' }, ['3', '4', '5']],
  ];
  for (const [selection, texts] of selections)
    it(`selects by ${JSON.stringify(selection)}`, async () => {
      await keep(
        { topic: 'home/a' },
        { topic: 'home/b.c' },
        { topic: '$SYS/x' },
        { topic: 'bt-mqtt/raw/attic', source: 'attic', bytes: Buffer.from('{"n":3,"address":"aabbccddeeff"}') },
        { topic: 'ble/pi/AA:BB:CC:DD:EE:FF/fff1' },
        { topic: 'bt-mqtt/raw/pi', bytes: Buffer.from('[{"n":5},{"address":"AA:BB:CC:DD:EE:FF"}]') },
        { topic: 'modbus/meter', bytes: Buffer.from('{"n":6}') },
        { topic: 'modbus/bus/1', bytes: Buffer.from('0103', 'hex') },
      );
      const replay = await claimed(selection);
      assert.equal(await countReplay(db.store.query, replay), texts.length);
      const got = await all(open(replay));
      assert.deepEqual(
        got.map(({ bytes }) => Buffer.from(bytes).toString().match(/\d/)![0]),
        texts,
      );
    });

  it('ends where the archive ended when it was asked for, also where clocks are ahead of the one of the database', async () => {
    const ahead = (minutes: number) =>
      db.store.query(
        `INSERT INTO raw_advertisements (scanner_id, topic, timestamp, payload)
          VALUES ('s', 'x', now() + $1 * interval '1 minute', to_jsonb($1::int))`,
        [minutes],
      );
    for (const minutes of [-1, 9, 999_999]) await ahead(minutes);
    const replay = await claimed();
    for (const minutes of [10, 11]) await ahead(minutes);
    const texts = (await all(open(replay))).map(({ bytes }) => Buffer.from(bytes).toString());
    assert.deepEqual(texts, ['-1', '9']);
  });

  it('gives rows of other writers, which have no bytes', async () => {
    await db.store.query(
      `INSERT INTO raw_advertisements (scanner_id, topic, timestamp, payload) VALUES ('s', 'x/y', $1, '{"a": 1}')`,
      [new Date(T0).toISOString()],
    );
    const [raw] = await all(open(await claimed()));
    assert.deepEqual([JSON.parse(Buffer.from(raw!.bytes).toString()), raw!.receivedAt], [{ a: 1 }, T0]);
  });

  it('goes on after a crash behind the longest settled prefix, in whatever order it settled', async () => {
    await keep(...Array.from({ length: 100 }, () => ({})));
    const replay = await claimed();
    const run = open(replay, { keepMs: 1 });
    const settles: ((settled: Settled) => void)[] = [];
    await new Promise<void>(resolve => {
      run.source((_raw, settle) => {
        if (settles.push(settle) === 100) resolve();
      });
    });
    // 40 is missing: 41 to 99 may come again, 0 to 39 must not.
    for (const at of Array.from({ length: 100 }, (_, n) => 99 - n)) if (at !== 40) settles[at]!(OK);
    let kept = await claimReplay(db.store.query, 'me', { id: replay.id });
    while (kept?.settled !== 40) kept = await claimReplay(db.store.query, 'me', { id: replay.id });
    // The first run is never closed, as after kill -9; its claim is gone. A write of it that was on its way may claim anew.
    const takeOver = async (): Promise<NonNullable<typeof kept>> => {
      await db.store.query('UPDATE replays SET claimed_by = NULL, claimed_until = NULL');
      return (await claimReplay(db.store.query, 'next', { id: replay.id })) ?? takeOver();
    };
    const second = await takeOver();
    const got = await all(openReplay({ query: db.store.query, replay: second, claim: 'next', live: nothingLive }));
    assert.deepEqual(
      got.map(({ bytes }) => Number(Buffer.from(bytes).toString())),
      Array.from({ length: 60 }, (_, n) => n + 40),
    );
    settles[40]!(OK);
    assert.deepEqual(await run.ended, { state: 'lost' });
    assert.deepEqual(await db.store.query('SELECT state, settled FROM replays'), [{ state: 'done', settled: 100 }]);
  });

  it('is claimed by one only, and may be taken over when it is released', async () => {
    const { id } = (await askForReplay(db.store.query, { selection: {}, askedBy: 'test' })).replay;
    assert.equal((await claimReplay(db.store.query, 'a', { owner: 'node' }))?.id, id);
    assert.equal(await claimReplay(db.store.query, 'b', { owner: 'node' }), undefined);
    assert.equal((await claimReplay(db.store.query, 'a', { owner: 'node' }))?.id, id);
    await releaseReplay(db.store.query, id, 'a');
    assert.equal((await claimReplay(db.store.query, 'b', { id }))?.id, id);
  });

  it('ends when it is stopped or taken over, and says which', async () => {
    await keep(...Array.from({ length: 50 }, () => ({})));
    for (const take of [
      (id: number) => stopReplays(db.store.query, { id }),
      (id: number) => db.store.query("UPDATE replays SET claimed_by = 'other' WHERE id = $1", [id]),
    ]) {
      const replay = await claimed();
      const run = open(replay, { keepMs: 1 });
      const handle = run.source(() => {});
      await take(replay.id);
      assert.deepEqual(await run.ended, { state: 'lost' });
      await handle.close();
      await db.store.query("UPDATE replays SET state = 'stopped'");
    }
  });

  it('waits for a database that is away, and loses nothing', async () => {
    await keep(...Array.from({ length: 300 }, () => ({})));
    const run = open(await claimed(), { pageRows: 10, keepMs: 1 });
    let restarted: Promise<void> | undefined;
    const got = await all(run, (_raw, n) => {
      if (n === 50)
        restarted = db.server
          .terminate('SIGKILL')
          .then(() => until(() => run.away !== ''))
          .then(db.server.restart);
      return true;
    });
    await restarted;
    assert.deepEqual([got.length, run.away], [300, '']);
    assert.deepEqual(await db.store.query('SELECT state, settled FROM replays'), [{ state: 'done', settled: 300 }]);
  });

  it('holds back while writes of live data wait, whatever else it could do', async () => {
    await keep(...Array.from({ length: 1500 }, () => ({})));
    let looks = 0;
    const live = async () => {
      looks++;
      // Without the database nobody can tell.
      if (looks % 5 === 0) throw new Fault('FIELDLINE_DATABASE', 'away', { kind: 'outage' });
      return 1000;
    };
    const run = open(await claimed(), { live });
    const held: ((settled: Settled) => void)[] = [];
    let later = 0;
    let most = 0;
    const handle = run.source((_raw, settle) => {
      held.push(settle);
      if (looks <= 8) return;
      later++;
      most = Math.max(most, held.length);
    });
    const settling = setInterval(() => {
      if (looks > 8) for (const settle of held.splice(0)) settle(OK);
    }, 1);
    assert.deepEqual(await run.ended, { state: 'done' });
    clearInterval(settling);
    await handle.close();
    assert.ok(later >= 500 && most <= 250, `${most} at once of ${later}`);
  });

  it('has no more bytes on their way than allowed, but for the last message', async () => {
    await keep(...Array.from({ length: 12 }, (_, n) => ({ bytes: Buffer.alloc(9, n) })));
    const settles: ((settled: Settled) => void)[] = [];
    const counts: number[] = [];
    const run = open(await claimed(), { mostBytes: 32 });
    const handle = run.source((_raw, settle) => {
      settles.push(settle);
      // 4 of them are above 32 bytes: only then do they settle.
      if (settles.length === 4)
        setImmediate(() => {
          counts.push(settles.length);
          for (const one of settles.splice(0)) one(OK);
        });
    });
    assert.deepEqual(await run.ended, { state: 'done' });
    await handle.close();
    assert.deepEqual(counts, [4, 4, 4]);
  });

  it('comes to the end of an archive of which hardly anything is selected', async () => {
    await db.store.query(
      `INSERT INTO raw_advertisements (scanner_id, topic, timestamp, bytes)
        SELECT 's', CASE WHEN n % 20500 = 0 THEN 'home/rare' ELSE 'home/much' END, $1::timestamptz + n * interval '1 ms', '1'
        FROM generate_series(1, 41000) AS n`,
      [new Date(T0).toISOString()],
    );
    assert.equal((await all(open(await claimed({ topic: 'home/rare' })))).length, 2);
    assert.equal((await all(open(await claimed({ topic: 'home/none' })))).length, 0);
  });

  it('counts what was given up', async () => {
    await keep({}, {}, {});
    const run = open(await claimed());
    await all(run, raw => {
      if (Buffer.from(raw.bytes).toString() === '1') run.gaveUp(raw);
      return true;
    });
    assert.deepEqual(await db.store.query('SELECT settled, failed FROM replays'), [{ settled: 3, failed: 1 }]);
  });

  it('sends nothing while it is paused', async () => {
    await keep({}, {}, {});
    const run = open(await claimed());
    const got: Raw[] = [];
    const handle = run.source((raw, settle) => {
      got.push(raw);
      settle(OK);
    });
    handle.pause();
    await db.store.query('SELECT pg_sleep(0.05)');
    assert.equal(got.length, 0);
    handle.resume();
    assert.deepEqual(await run.ended, { state: 'done' });
    assert.equal(got.length, 3);
    await handle.close();
  });
});
