// fieldline dead-letters on a real PostgreSQL: what it lists, shows and queues, and wrong use.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDeadLetters } from '../src/delivery/letters/file.ts';
import { lettersFolder } from '../src/delivery/letters/mover.ts';
import { keepLetters, listLetters } from '../src/delivery/letters/letters.ts';
import type { ShownLetter } from '../src/delivery/letters/orders.ts';
import { onDatabase } from '../test/support/database.ts';
import { ask } from './command.fixture.ts';
import { run } from './dead-letters.ts';

describe('fieldline dead-letters', () => {
  const db = onDatabase();
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'fieldline-letters-'));
  });
  after(() => {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await db.store.query('TRUNCATE dead_letters RESTART IDENTITY');
    const letter = { kind: 'raw', attempts: 3, receivedAt: 1, givenUpAt: 2, reason: 'no good' } as const;
    await keepLetters(db.store.query, 'ingest', [
      { ...letter, topic: 'a/1', bytes: Buffer.from('{"a":1}') },
      { ...letter, topic: 'b/2', bytes: Buffer.alloc(5000, 0xff), givenUpAt: 3 },
    ]);
  });

  async function letters(...argv: string[]) {
    const env = { DATABASE_URL: db.server.url, FIELDLINE_DIR: directory, USER: 'anna' };
    const { code, lines, errors } = await ask(run, argv, env);
    return { code, out: lines.map(line => JSON.parse(line) as ShownLetter & { ids?: number[] }), errors };
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
    const [letter] = await listLetters(db.store.query, { ids: [1] });
    assert.deepEqual(
      [letter?.state, letter?.decided_by, Buffer.from(letter?.fixed ?? []).toString()],
      ['queued', 'command line, anna', 'right'],
    );
    assert.deepEqual((await letters('resend')).out[0]!.ids, [2]);
    assert.deepEqual((await letters('discard', '--reason', 'GOOD')).out[0]!.ids?.toSorted(), [1, 2]);
    assert.match((await letters('list', '--state', 'open')).errors, /0 open, 0 queued, 0 resolved, 2 discarded/);
  });

  const megabytes = Buffer.from(`{"text":"${'é'.repeat(5_000_000)}"}`);
  for (const [name, bytes, piped] of [
    ['of 10 MB', megabytes, false],
    ['of 10 MB on standard input', megabytes, true],
    ['of bytes that are no text', Buffer.from([0, 0xff, 0x0a]), false],
    ['of hex digits, which are bytes here', Buffer.from('7b7d'), true],
  ] as const)
    it(`takes what is put right from a file ${name}, after a wrong fix as well`, async () => {
      await letters('resend', '1', '--text', 'wrong');
      const file = join(directory, 'right');
      writeFileSync(file, bytes);
      const { code, lines } = await ask(
        run,
        ['resend', '1', '--file', piped ? '-' : file],
        { DATABASE_URL: db.server.url, FIELDLINE_DIR: directory },
        bytes,
      );
      assert.deepEqual([code, JSON.parse(lines[0]!)], [0, { command: 'resend', ids: [1] }]);
      const [letter] = await db.store.query<{ fixed: Buffer }>('SELECT fixed FROM dead_letters WHERE id = 1');
      assert.ok(bytes.equals(letter!.fixed));
    });

  for (const [name, argv, says] of [
    ['shows', ['show', '1', '99'], /^letter 99: there is none of this number$/m],
    ['sends', ['resend', '1', '99'], /^letter 99: there is none of this number$/m],
    ['discards', ['discard', '1', '99'], /^letter 99: there is none of this number$/m],
    [
      'discards what has settled',
      ['discard', '1', '2'],
      /letter 2: expected one that is open or queued, got "resolved"/,
    ],
    ['sends what cannot be read', ['resend', '1', '3'], /letter 3: expected --text or --hex, .*, got nothing/],
  ] as const)
    it(`${name}, and names the letters of which there is nothing to be done`, async () => {
      await keepLetters(db.store.query, 'ingest', [
        { kind: 'damaged', attempts: 1, receivedAt: 1, givenUpAt: 4, reason: 'r', bytes: Buffer.from('{') },
      ]);
      await db.store.query("UPDATE dead_letters SET state = 'resolved' WHERE id = 2");
      const { code, out, errors } = await letters(...argv);
      assert.deepEqual([code, out.flatMap(({ id, ids }) => ids ?? [id])], [1, [1]]);
      assert.match(errors, says);
      assert.doesNotMatch(errors, /letter 1:/);
      assert.equal((await letters(argv[0], '1')).code, 0);
      assert.equal((await letters(argv[0], '1')).code, 0);
    });

  it('counts those that are still on the disk', async () => {
    const file = await openDeadLetters(lettersFolder(join(directory, 'fieldline'), 'n'));
    await file.append({ topic: 't', bytes: Buffer.from('x'), receivedAt: 1, source: 's', protocol: 'mqtt' }, 'why', 1);
    await file.close();
    assert.match((await letters('list')).errors, /1 on disk until the gateway moves them/);
    const away = await letters('list', '--database-url', 'postgres://u:p@127.0.0.1:1/d');
    assert.equal(away.code, 1);
    assert.match(away.errors, /^1 dead letter on disk in .*dead-letters, .*\nfieldline dead-letters: .*ECONNREFUSED/);
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
    ['resend', '1', '2', '--file', '/dev/zero/none'],
    ['resend', '1', '--file', '/dev/null'],
    ['resend', '1', '--text', 'x', '--file', '-'],
  ])
    it(`is used wrongly: ${argv.join(' ') || 'without a command'}`, async () => {
      const { code, out } = await letters(...argv);
      assert.deepEqual([code, out], [2, []]);
      assert.deepEqual((await listLetters(db.store.query, { state: 'open' })).length, 2);
    });
});
