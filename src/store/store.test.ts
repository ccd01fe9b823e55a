// The store against a real PostgreSQL that is stopped, refuses, and cuts connections; and its literals.
import assert from 'node:assert/strict';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import type { Fault } from '../kernel/fault.ts';
import { arrayLiteral } from './array.ts';
import { databaseFault } from './fault.ts';
import { openStore, type Store } from './store.ts';

const kindOf = async (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    error => (error as Fault).kind,
  );

describe('database faults', () => {
  const cases: readonly [code: string | undefined, message: string, kind: string, says: RegExp][] = [
    ['22P02', 'invalid input', 'data', /invalid input.*22P02/],
    ['23505', 'duplicate key', 'data', /23505/],
    ['54000', 'index row size', 'data', /54000/],
    ['P0001', 'raised by a trigger', 'data', /P0001/],
    ['42P01', 'relation "x" does not exist', 'outage', /run the migrations/],
    ['42P10', 'there is no unique or exclusion constraint', 'outage', /a unique index is missing/],
    ['42883', 'function x() does not exist', 'outage', /a function is missing/],
    ['25006', 'cannot execute INSERT', 'outage', /read-only/],
    ['40P01', 'deadlock detected', 'outage', /40P01/],
    ['53100', 'could not extend file', 'outage', /disk .* full/],
    ['57P01', 'terminating connection', 'outage', /57P01/],
    ['57014', 'canceling statement due to statement timeout', 'outage', /57014/],
    ['28P01', 'password authentication failed', 'outage', /password is refused/],
    ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:5432', 'outage', /ECONNREFUSED/],
    ['EPIPE', 'write EPIPE', 'outage', /EPIPE/],
    [undefined, 'Connection terminated unexpectedly', 'outage', /terminated/],
  ];
  for (const [code, message, kind, says] of cases)
    it(`${code ?? 'no code'} is ${kind}`, () => {
      const fault = databaseFault(Object.assign(new Error(message), { code }));
      assert.equal(fault.kind, kind);
      assert.match(fault.message, says);
    });

  for (const [code, routine, kind] of [
    ['AB123', 'exec_stmt_raise', 'data'],
    ['42501', 'ExecWithCheckOptions', 'data'],
    ['40001', 'exec_stmt_raise', 'outage'],
    ['42501', 'aclcheck_error', 'outage'],
    ['53400', 'decompress_batches', 'data'],
  ] as const)
    it(`${code} told by ${routine} is ${kind}`, () => {
      assert.equal(databaseFault(Object.assign(new Error('refused'), { code, routine })).kind, kind);
    });

  it('take a statement that is too long for a string as data, so that it is cut into parts', () => {
    assert.equal(databaseFault(new RangeError('Invalid string length')).kind, 'data');
  });

  it('have words where a name with several addresses fails', () => {
    const error = new AggregateError(
      [new Error('connect ECONNREFUSED ::1:1'), new Error('connect ECONNREFUSED 127.0.0.1:1')],
      '',
    );
    assert.match(databaseFault(error).message, /::1:1, connect/);
  });
});

describe('store', () => {
  let server: TestPostgres;
  let store: Store;
  before(async function () {
    server = await postgresFor(this);
    store = openStore({ url: server.url, connections: 3, statementTimeoutMs: 2000 });
    await store.query('CREATE TABLE t (n int PRIMARY KEY CHECK (n < 1000))');
  });
  after(async () => {
    await store?.close();
    await server?.stop();
  });

  it('ends what a stranger made endless, without calling the database away, and lets the next one take its time', async () => {
    await assert.rejects(store.within(50)('SELECT pg_sleep(600)'), { kind: 'data', message: /0.05 s .*57014/ });
    assert.deepEqual(store.state, { up: true, reason: '' });
    assert.deepEqual(await store.within(1500)('SELECT $1::int AS n', [1]), [{ n: 1 }]);
    const shown = await Promise.all([1, 2, 3].map(() => store.query('SHOW statement_timeout')));
    for (const rows of shown) assert.deepEqual(rows, [{ statement_timeout: '2s' }]);
  });

  it('hands arrays over as they are', async () => {
    const texts = ['', 'a', 'NULL', 'null', '{}', '{a,b}', '"', '\\', '\\"', "'", ' a ', 'a,b', 'é€😀', '\n\t', null];
    const bytes = [new Uint8Array([0, 255, 92, 34]), new Uint8Array(0), null];
    const [row] = await store.prepared<Record<string, unknown>>(
      'SELECT $1::text[] AS texts, $2::float8[] AS numbers, $3::bytea[] AS bytes, $4::boolean[] AS flags, $5::jsonb[] AS json',
      [texts, [1.5, -0, 1e300, undefined], bytes, [true, false], [JSON.stringify({ a: '"\\{,}' })]],
    );
    assert.deepEqual(row, {
      texts,
      numbers: [1.5, 0, 1e300, null],
      bytes: bytes.map(one => (one === null ? null : Buffer.from(one))),
      flags: [true, false],
      json: [{ a: '"\\{,}' }],
    });
    assert.equal(arrayLiteral([]), '{}');
  });

  for (const [type, items] of [
    ['int4', [0, -1, 2 ** 31 - 1, -(2 ** 31), null]],
    ['int8', [0, -1, 2 ** 53 - 1, -(2 ** 53 - 1), 4294967296, -4294967297, undefined]],
    ['float8', [0.1, -1e-300, 5e-324, Number.NaN, Infinity, -Infinity]],
    ['boolean', [true, null, false]],
    [
      'text',
      ['', 'x'.repeat(100_000), 'a', '\ud800', 12, true],
      ['', 'x'.repeat(100_000), 'a', '\ufffd', '12', 'true'],
    ],
    ['uuid', ['00112233445566778899aabbccddeeff', '00112233-4455-6677-8899-AABBCCDDEEFF']],
    ['jsonb', ['{"a":[1,"é"]}', 'null', '"x"', null]],
    ['bytea', [new Uint8Array([0, 92, 34]), new Uint8Array(0), null]],
    [
      'timestamptz',
      [
        ...['2026-11-21T03:42:02Z', '2026-11-21T03:42:02.1Z', '2026-11-21T03:42:02.123456Z', '1970-01-01T00:00:00Z'],
        ...[
          '1999-12-31T23:59:59.999999Z',
          '2024-02-29T12:00:00.000Z',
          '2000-03-01T00:00:00.1234Z',
          '0001-01-01T00:00:00Z',
          '1900-02-28T23:59:59.5Z',
          '9999-12-31T23:59:59.999Z',
        ],
        ...['2026-11-21T03:42:02.123456789Z', '2016-12-31T23:59:60Z', '2026-11-21 03:42:02+02', null],
      ],
    ],
    ['text', []],
    ['numeric', [1.5, '12345678901234567890.5', null]],
  ] as [string, unknown[]][])
    it(`hands over ${type}[] of ${items.length} as a literal would be read`, async () => {
      const [row] = await store.prepared<{ same: boolean; count: number }>(
        `SELECT $1::${type}[]::text[] = $2::text::${type}[]::text[] AS same, cardinality($1::${type}[]) AS count`,
        [items, arrayLiteral(items)],
      );
      assert.deepEqual(row, { same: true, count: items.length });
    });

  it('leaves it to the server to refuse what has no binary form', async () => {
    for (const [type, item] of [
      ['timestamptz', '2026-02-30T00:00:00Z'],
      ['timestamptz', '2100-02-29T00:00:00Z'],
      ['timestamptz', '2026-13-01T00:00:00Z'],
      ['timestamptz', '2026-01-01T00:60:00Z'],
      ['timestamptz', 'yesterday, perhaps'],
      ['uuid', 'no uuid'],
      ['int4', 2 ** 31],
      ['int4', 1.5],
      ['float8', 'a lot'],
      ['jsonb', '{'],
      ['text', 'nul \0'],
    ])
      await assert.rejects(store.prepared(`SELECT $1::${type}[]`, [[item]]), { kind: 'data' }, `${type} ${item}`);
  });

  it('reads whole numbers as numbers while they fit', async () => {
    assert.deepEqual(
      await store.query('SELECT 9007199254740991::bigint AS fits, 9007199254740993::bigint AS does_not'),
      [{ fits: 9007199254740991, does_not: '9007199254740993' }],
    );
  });

  it('marks its connections', async () => {
    assert.deepEqual(
      await store.query(
        "SELECT current_setting('fieldline.writer') AS mark, current_setting('application_name') AS name",
      ),
      [{ mark: 'on', name: 'fieldline' }],
    );
  });

  it('has the server give back the locks of a connection of which nothing is heard', async () => {
    const [limit] = await store.query("SELECT current_setting('idle_in_transaction_session_timeout') AS idle");
    const [keepalive] = await store.query("SELECT current_setting('tcp_keepalives_idle') AS idle");
    assert.deepEqual([limit, keepalive], [{ idle: '1min' }, { idle: '30' }]);
  });

  it('narrows a data fault down to its items, and commits the rest at once', async () => {
    const written = await store.bulk([1, 2, 5000, 3, 4, 6000], numbers => ({
      sql: 'INSERT INTO t SELECT unnest($1::int4[]) RETURNING n',
      values: [numbers],
    }));
    const refused = written.flatMap(part => ('refused' in part ? part.items : []));
    assert.deepEqual(refused, [5000, 6000]);
    assert.deepEqual(
      written.flatMap(part => part.items),
      [1, 2, 5000, 3, 4, 6000],
    );
    assert.deepEqual(await store.query('SELECT array_agg(n ORDER BY n) AS n FROM t'), [{ n: [1, 2, 3, 4] }]);
  });

  const costs: readonly [name: string, isBad: (n: number) => boolean, most: number][] = [
    ['one of 1,000', n => n === 617, 25],
    ['every second', n => n % 2 === 1, 1700],
    ['all', () => true, 1020],
    ['a hundred in a row', n => n >= 300 && n < 400, 140],
  ];
  for (const [name, isBad, most] of costs)
    it(`tries no more statements than it must: ${name}`, async () => {
      const items = Array.from({ length: 1000 }, (_, n) => n);
      let statements = 0;
      const written = await store.bulk(items, part => {
        statements++;
        return { sql: 'SELECT 1 / unnest($1::int4[])', values: [part.map(n => (isBad(n) ? 0 : 1))] };
      });
      assert.deepEqual(
        written.flatMap(part => part.items),
        items,
      );
      assert.deepEqual(
        written.flatMap(part => ('refused' in part ? part.items : [])),
        items.filter(isBad),
      );
      assert.ok(statements <= most, String(statements));
    });

  it('survives connections cut at work and at rest, and says so', async () => {
    const seen: boolean[] = [];
    const end = store.onState(({ up }) => seen.push(up));
    const working = kindOf(store.query('SELECT pg_sleep(60)'));
    await store.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'test'",
    );
    assert.equal(await working, 'outage');
    await store.query('SELECT 1');
    end();
    assert.equal(seen.at(-1), true);
    assert.ok(seen.includes(false));
  });

  it('gives up a statement that takes too long', async () => {
    assert.equal(await kindOf(store.query('SELECT pg_sleep(60)')), 'outage');
  });

  it('writes nothing of a bulk when the server goes in the middle, and works again afterwards', async () => {
    let statements = 0;
    const bulk = store.bulk([7000, 11, 12], numbers => {
      // The whole, the bad row, then the good ones: they are written when the server goes.
      const slow = ++statements === 3 ? ', pg_sleep(60)' : '';
      if (slow) void server.terminate('SIGQUIT');
      return { sql: `INSERT INTO t SELECT unnest($1::int4[]) RETURNING n${slow}`, values: [numbers] };
    });
    assert.equal(await kindOf(bulk), 'outage');
    assert.equal(await kindOf(store.query('SELECT 1')), 'outage');
    assert.equal(store.state.up, false);
    await server.restart();
    assert.deepEqual(await store.query('SELECT n FROM t WHERE n > 10'), []);
    assert.deepEqual(store.state, { up: true, reason: '' });
  });
});
