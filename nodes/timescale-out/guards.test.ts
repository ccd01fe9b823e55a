// Guards that an operator puts on a table: what one row brings about holds up no other, whatever name PostgreSQL has for it.
import assert from 'node:assert/strict';
import { meterReading, onPlant } from '../../test/support/timescale-out.ts';

const BAD = 500;
const raising = (what: string) =>
  `BEGIN IF new.v >= ${BAD} THEN RAISE EXCEPTION 'too much' USING ERRCODE = '${what}'; END IF; RETURN new; END`;
const trigger = (body: string, when = 'BEFORE INSERT ON $ FOR EACH ROW') =>
  `CREATE FUNCTION $_f() RETURNS trigger LANGUAGE plpgsql AS '${body.replaceAll("'", "''")}'; CREATE TRIGGER guard ${when} EXECUTE FUNCTION $_f()`;

/** `$`: the table (n int, v int), owned by a user whom row security binds. */
const guards: readonly [name: string, sql: string, says: RegExp][] = [
  ['a trigger with a SQLSTATE of its own', trigger(raising('AB123')), /too much \(SQLSTATE AB123\)/],
  ['a trigger with the SQLSTATE of a user', trigger(raising('45000')), /too much \(SQLSTATE 45000\)/],
  ['a trigger that denies', trigger(raising('insufficient_privilege')), /too much \(SQLSTATE 42501\)/],
  [
    'a CASE that meets nothing',
    trigger(`BEGIN CASE WHEN new.v < ${BAD} THEN NULL; END CASE; RETURN new; END`),
    /case not found \(SQLSTATE 20000\)/,
  ],
  [
    'a constraint at the end of the transaction',
    trigger(raising('23514'), 'AFTER INSERT ON $ DEFERRABLE INITIALLY DEFERRED FOR EACH ROW').replace(
      'CREATE TRIGGER',
      'CREATE CONSTRAINT TRIGGER',
    ),
    /too much \(SQLSTATE 23514\)/,
  ],
  [
    'a trigger that looks for a table by the row',
    trigger(`BEGIN IF new.v >= ${BAD} THEN EXECUTE 'SELECT FROM of_' || new.v; END IF; RETURN new; END`),
    /relation "of_50\d" does not exist \(SQLSTATE 42P01\)/,
  ],
  [
    'a trigger that ends without an answer',
    trigger(`BEGIN IF new.v < ${BAD} THEN RETURN new; END IF; END`),
    /without RETURN \(SQLSTATE 2F005\)/,
  ],
  [
    'a trigger that looks at what only some rows fill',
    trigger(
      `DECLARE r record; BEGIN IF new.v < ${BAD} THEN SELECT 0 AS n INTO r; END IF; new.v := new.v + r.n; RETURN new; END`,
    ),
    /"r" is not assigned yet \(SQLSTATE 55000\)/,
  ],
  [
    'row security',
    `ALTER TABLE $ ENABLE ROW LEVEL SECURITY; ALTER TABLE $ FORCE ROW LEVEL SECURITY;
     CREATE POLICY low ON $ USING (true) WITH CHECK (v < ${BAD})`,
    /row-level security policy for table "guarded_\d" \(SQLSTATE 42501\)/,
  ],
  [
    'the check of a view',
    `ALTER TABLE $ RENAME TO $_base; CREATE VIEW $ AS SELECT * FROM $_base WHERE v < ${BAD} WITH CHECK OPTION;
     ALTER VIEW $ OWNER TO guarded`,
    /violates check option for view "guarded_\d" \(SQLSTATE 44000\)/,
  ],
];

describe('timescale-out node: guards on a table', () => {
  const plant = onPlant();
  let url: URL;
  before(async () => {
    url = new URL(plant.server.url);
    await plant.store.query(`CREATE ROLE guarded LOGIN PASSWORD 'secret';
      ALTER DATABASE ${url.pathname.slice(1)} OWNER TO guarded; ALTER SCHEMA public OWNER TO guarded`);
    await plant.store.query('CREATE DOMAIN guarded_positive AS bigint CHECK (value > 0)');
    Object.assign(url, { username: 'guarded', password: 'secret' });
  });
  const flow = (table: string, key = '', policy = 'memory', more: object = {}) => [
    { id: 'db', type: 'fieldline-timescale-db', url: url.href },
    { id: 'src', type: 'test-source', wires: [['own']] },
    {
      ...{ id: 'own', type: 'fieldline-timescale-out', store: 'db', wires: [[], []], policy },
      ...{
        ...{ table: 'own', ownTable: table, key },
        columns: ['n', 'v'].map(column => ({ column, from: `telemetry.${column}` })),
      },
      ...more,
    },
  ];
  /** `values` as the rows of a message; what the table holds then, and the letters of the others. */
  async function held(table: string, values: readonly number[]) {
    await plant.runtime.deploy(flow(table));
    const payload = values.map((v, n) => meterReading(n, { n, v }));
    assert.deepEqual(await plant.runtime.emit('src', { payload }), { ok: true });
    const rows = await plant.store.query<{ v: number }>(`SELECT v FROM ${table} ORDER BY n`);
    const letters = await plant.store.query<{ reason: string; bytes: Uint8Array }>(
      'DELETE FROM dead_letters RETURNING reason, bytes',
    );
    return { stored: rows.map(({ v }) => v), letters };
  }
  const make = (table: string, sql: string) =>
    plant.store.query(`CREATE TABLE $ (n int, v int); ALTER TABLE $ OWNER TO guarded; ${sql}`.replaceAll('$', table));

  for (const [at, [name, sql, says]] of guards.entries())
    it(`${name}: its row becomes a dead letter, the others land`, async () => {
      await make(`guarded_${at}`, sql);
      const { stored, letters } = await held(`guarded_${at}`, [1, 2, BAD, 3, BAD + 1, 4, 5]);
      assert.deepEqual(stored, [1, 2, 3, 4, 5]);
      const refused = letters.map(({ bytes }) => JSON.parse(Buffer.from(bytes).toString()).telemetry.v as number);
      assert.deepEqual(refused.toSorted(), [BAD, BAD + 1]);
      for (const { reason } of letters) assert.match(reason, says);
      await plant.runtime.untilStatus('own', new RegExp(`2 rejected: .*${says.source}`));
    });

  it('so many rows in a statement and no more, as TimescaleDB decompresses: all land, in parts', async () => {
    await make(
      'guarded_many',
      trigger(
        `BEGIN IF (SELECT count(*) FROM new_rows) > 3 THEN RAISE EXCEPTION 'limit' USING ERRCODE = '53400'; END IF; RETURN NULL; END`,
        'AFTER INSERT ON $ REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT',
      ),
    );
    const values = Array.from({ length: 20 }, (_, v) => v);
    assert.deepEqual(await held('guarded_many', values), { stored: values, letters: [] });
  });

  const failing = `EXECUTE 'SELECT FROM of_' || new.v`;
  const says =
    /^database away, .*waiting.*relation "of_\d+" does not exist.*; in PL\/pgSQL function guarded_\w+\(\) line/;
  const letters = () => plant.store.query('SELECT * FROM dead_letters');

  it('a trigger that fails for every row: all wait until it is mended, also beside a row that is there already', async () => {
    await make('guarded_all', 'ALTER TABLE $ ADD UNIQUE (n)');
    await plant.runtime.deploy(flow('guarded_all', 'n'));
    const payload = [0, 1, 2].map(n => meterReading(n, { n, v: n }));
    assert.deepEqual(await plant.runtime.emit('src', { payload: payload[0] }), { ok: true });
    await plant.store.query(
      trigger(`BEGIN ${failing}; RETURN new; END`, 'AFTER INSERT ON $ FOR EACH ROW').replaceAll('$', 'guarded_all'),
    );
    const waits = plant.runtime.emit('src', { payload });
    await plant.runtime.untilStatus('own', says);
    await plant.store.query('DROP TRIGGER guard ON guarded_all');
    assert.deepEqual(await waits, { ok: true });
    assert.deepEqual(await letters(), []);
    assert.equal((await plant.store.query('SELECT FROM guarded_all')).length, 3);
  });

  for (const [what, table, policies] of [
    ['of the table, which has no policy', 'guarded_shut', 'CREATE POLICY open ON $ USING (true)'],
    ['of the receipts, which have no policy', 'receipts', 'CREATE POLICY open ON $ USING (true)'],
    ['of the table, whose policy is for others', 'guarded_others', 'ALTER POLICY open ON $ USING (true)'],
  ] as const)
    it(`row security ${what}: all wait until there is one`, async () => {
      const into = table === 'receipts' ? 'guarded_open' : table;
      await make(into, '');
      const secure = (sql: string) => plant.store.query(sql.replaceAll('$', table));
      await secure('ALTER TABLE $ ENABLE ROW LEVEL SECURITY; ALTER TABLE $ FORCE ROW LEVEL SECURITY');
      if (policies.startsWith('ALTER')) await secure("CREATE POLICY open ON $ USING (current_user = 'somebody')");
      await plant.runtime.deploy(flow(into));
      const waits = [[0], [1, 2, 3]].map(several =>
        plant.runtime.emit('src', { payload: several.map(n => meterReading(n, { n, v: n })) }),
      );
      await plant.runtime.untilStatus(
        'own',
        /^database away.*row security takes no row of this user: it needs a policy/,
      );
      assert.deepEqual(await plant.store.query(`SELECT FROM ${into}`), []);
      await secure(policies);
      for (const outcome of await Promise.all(waits)) assert.deepEqual(outcome, { ok: true });
      assert.deepEqual(await letters(), []);
      assert.equal((await plant.store.query(`SELECT FROM ${into}`)).length, 4);
      await secure('ALTER TABLE $ DISABLE ROW LEVEL SECURITY');
    });

  for (const policy of ['memory', 'disk'])
    it(`a row alone at which a trigger fails: it waits, and the next one tells that it is to blame, policy ${policy}`, async () => {
      const table = `guarded_lone_${policy}`;
      await make(table, trigger(`BEGIN IF new.v >= ${BAD} THEN ${failing}; END IF; RETURN new; END`));
      await plant.runtime.deploy(flow(table, '', policy));
      const lone = plant.runtime.emit('src', { payload: meterReading(0, { n: 0, v: BAD }) });
      await plant.runtime.untilStatus('own', /^database away.*relation "of_500" does not exist/);
      const next = plant.runtime.emit('src', { payload: meterReading(1, { n: 1, v: 1 }) });
      assert.deepEqual([await lone, await next], [{ ok: true }, { ok: true }]);
      await plant.runtime.untilStatus('own', /1 rejected: relation "of_500"/);
      assert.deepEqual(await plant.store.query(`SELECT v FROM ${table}`), [{ v: 1 }]);
      await plant.store.query('DELETE FROM dead_letters');
    });

  for (const policy of ['memory', 'disk'])
    it(`the same where a write takes no more than that row, policy ${policy}`, async () => {
      const table = `guarded_single_${policy}`;
      await make(table, trigger(`BEGIN IF new.v >= ${BAD} THEN ${failing}; END IF; RETURN new; END`));
      await plant.runtime.deploy(flow(table, '', policy, { batchRows: 1 }));
      const sent = [BAD, BAD, BAD, 1, 2].map((v, n) =>
        plant.runtime.emit('src', { payload: meterReading(n, { n, v }) }),
      );
      for (const outcome of await Promise.all(sent)) assert.deepEqual(outcome, { ok: true });
      await plant.runtime.untilStatus('own', /rows\/s, 3 rejected: relation "of_500"/);
      assert.deepEqual(await plant.store.query(`SELECT v FROM ${table} ORDER BY n`), [{ v: 1 }, { v: 2 }]);
      await plant.store.query('DELETE FROM dead_letters');
    });

  for (const [type, value, reason] of [
    ['regclass', 'nothing', 'relation "nothing" does not exist (SQLSTATE 42P01)'],
    ['jsonpath', '$[', 'syntax error at end of jsonpath input (SQLSTATE 42601)'],
  ] as const)
    it(`a value alone that PostgreSQL cannot read as ${type}: a dead letter at once`, async () => {
      const table = `guarded_${type}`;
      await make(table, `ALTER TABLE $ ALTER v TYPE ${type} USING NULL`);
      await plant.runtime.deploy(flow(table));
      const payload = meterReading(0, { n: 0, v: value });
      assert.deepEqual(await plant.runtime.emit('src', { payload }), { ok: true });
      assert.deepEqual(await plant.store.query('DELETE FROM dead_letters RETURNING reason'), [{ reason }]);
    });

  it('a sequence that has come to its end: rows wait for more numbers', async () => {
    await make('guarded_end', 'ALTER TABLE $ ADD id int GENERATED ALWAYS AS IDENTITY (MAXVALUE 2)');
    await plant.runtime.deploy(flow('guarded_end'));
    const payload = [0, 1, 2].map(n => meterReading(n, { n, v: n }));
    const waits = plant.runtime.emit('src', { payload });
    await plant.runtime.untilStatus('own', /reached maximum value of sequence.*raise its MAXVALUE/);
    await plant.store.query('ALTER TABLE guarded_end ALTER id SET MAXVALUE 100');
    assert.deepEqual(await waits, { ok: true });
    assert.deepEqual(await letters(), []);
    assert.equal((await plant.store.query('SELECT FROM guarded_end')).length, 3);
  });

  for (const [at, [name, type, value, says]] of (
    [
      [
        'a function that raises',
        'bigint',
        '$_d()',
        /the default of column "Made" fails: no more today \(SQLSTATE P0001\)/,
      ],
      ['a division by zero', 'bigint', '1 / 0', /the default of column "Made" fails: division by zero/],
      [
        'a value that its domain refuses',
        'guarded_positive',
        '-1',
        /the default of column "Made" fails: value for domain guarded_positive/,
      ],
      ['a function of its domain', '$_of', 'DEFAULT', /the default of column "Made" fails: no more today/],
      ['a sequence that is gone', 'bigint', `nextval('gone'::text)`, /relation "gone" does not exist/],
    ] as const
  ).entries())
    it(`a default that fails, ${name}: rows wait until it is mended, alone and together`, async () => {
      const table = `guarded_default_${at}`;
      await make(
        table,
        `CREATE FUNCTION $_d() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE ''no more today''; END';
         CREATE DOMAIN $_of AS bigint DEFAULT $_d();
         ALTER TABLE $ ADD "Made" ${type}, ADD fixed text DEFAULT 'x';
         ${value === 'DEFAULT' ? '' : `ALTER TABLE $ ALTER "Made" SET DEFAULT ${value}`}`,
      );
      await plant.runtime.deploy(flow(table));
      const alone = plant.runtime.emit('src', { payload: meterReading(0, { n: 0, v: 0 }) });
      await plant.runtime.untilStatus('own', says);
      const together = plant.runtime.emit('src', { payload: [1, 2].map(n => meterReading(n, { n, v: n })) });
      await plant.runtime.untilStatus('own', new RegExp(`3 waiting.*${says.source}`));
      await plant.store.query(`ALTER TABLE ${table} ALTER "Made" SET DEFAULT 1`);
      assert.deepEqual([await alone, await together], [{ ok: true }, { ok: true }]);
      assert.deepEqual(await letters(), []);
      assert.equal((await plant.store.query(`SELECT FROM ${table} WHERE fixed = 'x'`)).length, 3);
    });

  it('a guard that asks to come again: rows wait until it lets them', async () => {
    await make('guarded_later', trigger(raising('lock_not_available')));
    await plant.runtime.deploy(flow('guarded_later'));
    const waits = plant.runtime.emit('src', { payload: meterReading(1, { n: 1, v: BAD }) });
    await plant.runtime.untilStatus('own', /^database away, .*1 waiting.*too much; .*SQLSTATE 55P03/);
    await plant.store.query('DROP TRIGGER guard ON guarded_later');
    assert.deepEqual(await waits, { ok: true });
    assert.deepEqual(await plant.store.query('SELECT v FROM guarded_later'), [{ v: BAD }]);
  });
});
