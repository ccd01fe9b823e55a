// fieldline dead-letters on a real PostgreSQL: what it lists, shows and queues, and wrong use.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { openDeadLetters } from '../src/delivery/dead-letter-file.ts';
import { lettersFolder } from '../src/delivery/dead-letter-mover.ts';
import { keepLetters, listLetters } from '../src/delivery/dead-letters.ts';
import type { ShownLetter } from '../src/delivery/letter-orders.ts';
import { migrate } from '../src/store/migrate.ts';
import { openStore, type Store } from '../src/store/store.ts';
import { postgresFor, type TestPostgres } from '../test/support/postgres.ts';
import { run } from './dead-letters.ts';

describe('fieldline dead-letters', () => {
  let server: TestPostgres;
  let store: Store;
  let directory: string;
  before(async function () {
    server = await postgresFor(this);
    await migrate(server.url);
    store = openStore({ url: server.url });
    directory = mkdtempSync(join(tmpdir(), 'fieldline-letters-'));
  });
  after(async () => {
    rmSync(directory, { recursive: true, force: true });
    await store?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    await store.query('TRUNCATE dead_letters RESTART IDENTITY');
    const letter = { kind: 'raw', attempts: 3, receivedAt: 1, givenUpAt: 2, reason: 'no good' } as const;
    await keepLetters(store.query, 'ingest', [
      { ...letter, topic: 'a/1', bytes: Buffer.from('{"a":1}') },
      { ...letter, topic: 'b/2', bytes: Buffer.alloc(5000, 0xff), givenUpAt: 3 },
    ]);
  });

  async function letters(...argv: string[]) {
    const out: string[] = [];
    const errors: string[] = [];
    const code = await run(argv, {
      stdin: Readable.from([]),
      stdout: line => out.push(line),
      stderr: line => void errors.push(line),
      env: { DATABASE_URL: server.url, FIELDLINE_DIR: directory, USER: 'anna' },
    });
    return {
      code,
      out: out.map(line => JSON.parse(line) as ShownLetter & { ids?: number[] }),
      errors: errors.join('\n'),
    };
  }

  it('lists letters, newest first, by filter; shows all of one', async () => {
    const { code, out, errors } = await letters('list');
    assert.deepEqual([code, errors], [0, '2 open, 0 queued, 0 resolved, 0 discarded']);
    assert.deepEqual(
      out.map(({ topic, text, hex }) => [topic, text, hex.length]),
      [
        ['b/2', undefined, 8192],
        ['a/1', '{"a":1}', 14],
      ],
    );
    assert.deepEqual(
      (await letters('list', '--topic', 'a/%')).out.map(({ id }) => id),
      [1],
    );
    assert.deepEqual((await letters('list', '--limit', '1')).out.length, 1);
    assert.equal((await letters('show', '2')).out[0]!.hex.length, 10_000);
  });

  it('queues letters for the gateway, put right where it is told how, and says who did it', async () => {
    assert.deepEqual((await letters('resend', '1', '--text', 'right')).out[0]!.ids, [1]);
    const [letter] = await listLetters(store.query, { ids: [1] });
    assert.deepEqual(
      [letter?.state, letter?.decided_by, Buffer.from(letter?.fixed ?? []).toString()],
      ['queued', 'command line, anna', 'right'],
    );
    assert.deepEqual((await letters('resend')).out[0]!.ids, [2]);
    assert.deepEqual((await letters('discard', '--reason', 'GOOD')).out[0]!.ids?.toSorted(), [1, 2]);
    assert.match((await letters('list', '--state', 'open')).errors, /0 open, 0 queued, 0 resolved, 2 discarded/);
  });

  it('counts those that are still on the disk', async () => {
    const file = await openDeadLetters(lettersFolder(directory, 'n'));
    await file.append({ topic: 't', bytes: Buffer.from('x'), receivedAt: 1, source: 's', protocol: 'mqtt' }, 'why', 1);
    await file.close();
    assert.match((await letters('list')).errors, /1 on disk until the gateway moves them/);
  });

  for (const argv of [
    [],
    ['burn'],
    ['list', '--colour'],
    ['list', '--limit', 'x'],
    ['show', 'x'],
    ['list', '--state', 'x'],
    ['discard'],
    ['resend', '1', '--hex', 'x'],
    ['resend', '1', '2', '--text', 'x'],
  ])
    it(`is used wrongly: ${argv.join(' ') || 'without a command'}`, async () => {
      const { code, out } = await letters(...argv);
      assert.deepEqual([code, out], [2, []]);
      assert.deepEqual((await listLetters(store.query, { state: 'open' })).length, 2);
    });
});
