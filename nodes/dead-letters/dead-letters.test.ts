// dead-letters in real Node-RED on a real PostgreSQL: from disk to table, listed, put right, sent again once, over an outage.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { openDeadLetters } from '../../src/delivery/letters/file.ts';
import { lettersFolder } from '../../src/delivery/letters/mover.ts';
import { listLetters } from '../../src/delivery/letters/letters.ts';
import type { LetterAnswer } from '../../src/delivery/letters/orders.ts';
import type { Raw } from '../../src/reading/raw.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { onDatabase } from '../../test/support/database.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import normalizeNode from '../normalize/normalize.ts';
import timescaleDbNode from '../timescale-db/timescale-db.ts';
import timescaleOutNode from '../timescale-out/timescale-out.ts';
import deadLettersNode from './dead-letters.ts';

const T0 = Date.UTC(2026, 0, 3, 16);
const bare = (n: number, text = '21.5'): Raw => ({
  topic: 'homelab/temperature/shed',
  source: 'mqtt',
  protocol: 'mqtt',
  receivedAt: T0 + n,
  bytes: Buffer.from(text),
});

describe('dead-letters node', () => {
  let runtime: TestRuntime;
  // Ends before the database does: hooks run in the order in which they were added.
  after(() => runtime?.deploy([]));
  const db = onDatabase({ migrated: false });
  before(async () => {
    runtime = await testRuntime();
    // Letters of other suites in the same data folder.
    rmSync(lettersFolder(runtime.settings.directory!), { recursive: true, force: true });
    runtime.register(timescaleDbNode, normalizeNode, timescaleOutNode, deadLettersNode);
    await runtime.deploy([
      { id: 'db', type: 'fieldline-timescale-db', url: db.server.url },
      { id: 'src', type: 'test-source', wires: [['out']] },
      { id: 'n', type: 'fieldline-dead-letters', store: 'db', wires: [[], ['k'], ['m'], ['out'], ['answers']] },
      { id: 'm', type: 'fieldline-normalize', wires: [['out'], []] },
      { id: 'out', type: 'fieldline-timescale-out', store: 'db', wires: [[], []] },
      { id: 'k', type: 'test-sink' },
      { id: 'answers', type: 'test-sink' },
    ]);
    await runtime.untilStatus('n', /^0 open$/);
  });
  afterEach(() => db.store?.query('TRUNCATE dead_letters, sensor_readings, devices, latest_values'));

  async function giveUp(...raws: Raw[]): Promise<void> {
    const file = await openDeadLetters(lettersFolder(runtime.settings.directory!, 'ingest'));
    for (const raw of raws) await file.append(raw, 'tried in vain', 3);
    await file.close();
  }
  async function order(payload: unknown, more: object = {}): Promise<LetterAnswer> {
    const before = runtime.received('answers').length;
    runtime.inject('n', { payload, ...more });
    return (await runtime.until('answers', before + 1)).at(-1)!.payload as LetterAnswer;
  }
  const press = async (body: object) => {
    const answer = await fetch(`${runtime.url}/fieldline/dead-letters`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return [answer.status, ((await answer.json()) as { says?: string; error?: string }) ?? {}] as const;
  };
  const rows = () => db.store.query<{ value: number }>('SELECT value FROM sensor_readings ORDER BY timestamp');
  const readingOf =
    (digest: string) =>
    (deviceId: string): Reading => ({
      deviceId,
      protocol: 'mqtt',
      timestamp: '2026-01-03T16:00:00.000Z',
      telemetry: { humidity: 50 },
      metadata: { digest },
    });
  /** Resolves when no letter is queued any more. */
  async function worked(): Promise<void> {
    while ((await listLetters(db.store.query, { state: 'queued' })).length > 0)
      await db.store.query('SELECT pg_sleep(0.02)');
  }

  it('takes letters from the disk, lists them in hex and text, and sends them again, each row once', async () => {
    await giveUp(bare(1), bare(2), bare(3, '\x01'));
    await runtime.untilStatus('n', /^3 open$/);
    const { letters, counts } = await order({ command: 'list' });
    assert.deepEqual(counts, { open: 3, queued: 0, resolved: 0, discarded: 0 });
    assert.deepEqual(letters?.map(({ hex, text }) => [hex, text]).sort(), [
      ['01', undefined],
      ['32312e35', '21.5'],
      ['32312e35', '21.5'],
    ]);
    assert.equal(letters?.[0]?.reason, 'tried in vain');
    const ids = letters!.filter(({ text }) => text !== undefined).map(({ id }) => id);
    assert.deepEqual((await order({ command: 'resend', ids }, { by: 'anna' })).ids?.toSorted(), ids.toSorted());
    await worked();
    assert.deepEqual(await rows(), [{ value: 21.5 }, { value: 21.5 }]);
    assert.equal((await listLetters(db.store.query, { ids }))[0]?.decided_by, 'anna');
    await order({ command: 'resend', ids });
    await worked();
    assert.equal((await rows()).length, 2);
    const settled = await listLetters(db.store.query, { ids });
    assert.deepEqual(
      settled.map(({ state, attempts }) => [state, attempts]),
      [
        ['resolved', 3],
        ['resolved', 3],
      ],
    );
  });

  it('sends a reading that the database refused as it was put right; as it was, it is refused again', async () => {
    const reading = readingOf('a'.repeat(32));
    assert.deepEqual(await runtime.emit('src', { topic: 'x', payload: reading('nul\0') }), { ok: true });
    const [letter] = (await order({})).letters!;
    await order({ command: 'resend' });
    await worked();
    const [again] = (await order({})).letters!;
    assert.deepEqual([again!.id, again!.state, again!.attempts], [letter!.id, 'open', 2]);
    await order({ command: 'resend', id: letter!.id, text: JSON.stringify(reading('null')) });
    await worked();
    assert.deepEqual(await rows(), [{ value: 50 }]);
    const [shown] = (await order({ command: 'show', id: letter!.id })).letters!;
    assert.deepEqual([shown?.state, shown?.source], ['resolved', 'out']);
    assert.match(shown!.text!, /nul\\u0000/);
    assert.match(shown!.fixedText!, /"null"/);
  });

  it('keeps one letter of a reading that is refused again after it was put right, whatever it looks like', async () => {
    const reading = readingOf('b'.repeat(32));
    await runtime.emit('src', { topic: 'x', payload: reading('nul\0') });
    const [letter] = (await order({})).letters!;
    const { metadata, ...rest } = reading('still nul\0');
    await order({ command: 'resend', id: letter!.id, text: JSON.stringify({ metadata, ...rest }, null, 2) });
    await worked();
    const { letters } = await order({});
    assert.deepEqual(
      letters!.map(({ id, state, attempts }) => [id, state, attempts]),
      [[letter!.id, 'open', 2]],
    );
    assert.match(letters![0]!.fixedText!, /still nul/);
    await order({ command: 'resend', id: letter!.id, text: JSON.stringify(reading('good')) });
    await worked();
    assert.equal((await order({})).letters![0]!.state, 'resolved');
    assert.equal((await rows()).length, 1);
  });

  it('keeps one letter of a raw message, whatever becomes of it: its attempts are counted until it is stored, once', async () => {
    await db.store.query('ALTER TABLE sensor_readings ADD CONSTRAINT cool CHECK (value < 50) NOT VALID');
    await giveUp(bare(1, '90'));
    await runtime.untilStatus('n', /^1 open$/);
    const tried = async () => {
      await worked();
      return (await order({})).letters!.map(({ state, attempts, reason }) => [state, attempts, /cool/.test(reason)]);
    };
    const { id } = (await order({})).letters![0]!;
    await order({ command: 'resend', id });
    assert.deepEqual(await tried(), [['open', 4, true]]);
    await order({ command: 'resend', id, text: '80' });
    assert.deepEqual(await tried(), [['open', 5, true]]);
    // Two dashboards at once.
    await Promise.all(['21.5', '21.5'].map(text => press({ node: 'n', command: 'resend', id, text })));
    assert.deepEqual(await tried(), [['resolved', 5, true]]);
    assert.deepEqual(await rows(), [{ value: 21.5 }]);
    await db.store.query('ALTER TABLE sensor_readings DROP CONSTRAINT cool');
  });

  it('sends nothing where nothing is wired, and says so', async () => {
    await giveUp({ ...bare(1), topic: 'bt-mqtt/raw/pi' });
    await runtime.untilStatus('n', /^1 open$/);
    await order({ command: 'resend' });
    await worked();
    const [letter] = (await order({})).letters!;
    assert.deepEqual([letter?.state, letter?.reason], ['open', 'output 1 (adverts) is wired to nothing']);
  });

  it('sends all open letters by its button, and discards with a name', async () => {
    await giveUp(bare(1), { ...bare(2), topic: 'ble/pi/AA/fff1' });
    await runtime.untilStatus('n', /^2 open$/);
    assert.deepEqual((await press({ node: 'none' }))[0], 400);
    const [status, { says }] = await press({ node: 'n' });
    assert.deepEqual([status, says], [200, '2 dead letters on the way']);
    await worked();
    assert.equal((await rows()).length, 1);
    assert.equal(runtime.received('k').length, 1);
    await giveUp(bare(9, 'x'));
    await runtime.untilStatus('n', /^1 open$/);
    const { ids, counts } = await order({ command: 'discard', topic: 'homelab/%' }, { _client: { socketIp: '::1' } });
    assert.deepEqual([ids?.length, counts.discarded], [1, 1]);
    assert.equal((await listLetters(db.store.query, { ids: ids! }))[0]?.decided_by, '::1');
  });

  const wrong: readonly [order: unknown, reason: RegExp][] = [
    [{ command: 'burn' }, /command: expected list, show, resend or discard/],
    [{ command: 'discard' }, /discard: expected ids or a filter/],
    [{ command: 'resend', text: 'x' }, /ids: expected one letter/],
    [{ command: 'resend', id: 1, hex: 'xyz' }, /hex: expected an even number/],
    [{ ids: ['; DROP TABLE dead_letters'] }, /ids: expected numbers/],
  ];
  for (const [payload, reason] of wrong)
    it(`refuses ${JSON.stringify(payload)}`, async () => {
      const [status, { error }] = await press({ node: 'n', ...(payload as object) });
      assert.equal(status, 400);
      assert.match(String(error), reason);
    });

  it('leaves letters on the disk while the database is away, and takes them when it is back', async () => {
    await db.server.terminate('SIGQUIT');
    await giveUp(bare(1));
    await runtime.untilStatus('n', /^letters stay on the disk; /);
    await db.server.restart();
    await runtime.untilStatus('n', /^1 open$/);
    await order({ command: 'resend' });
    await worked();
    assert.equal((await rows()).length, 1);
  });
});
