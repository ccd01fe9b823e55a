// `fieldline migrate`: exit codes and words.
import assert from 'node:assert/strict';
import { postgresFor, type TestPostgres } from '../test/support/postgres.ts';
import { ask } from './command.fixture.ts';
import { run } from './migrate.ts';

const migrate = (argv: readonly string[], env?: NodeJS.ProcessEnv) => ask(run, argv, env);

describe('fieldline migrate', () => {
  const wrong: readonly [name: string, argv: readonly string[], env: NodeJS.ProcessEnv, says: RegExp][] = [
    ['an unknown option', ['--backwards'], {}, /--backwards/],
    ['an argument', ['now'], {}, /now/],
    ['no database', [], {}, /DATABASE_URL/],
    ['an address of something else', [], { DATABASE_URL: 'mysql://root:secret@h/d' }, /postgres:\/\//],
  ];
  for (const [name, argv, env, says] of wrong)
    it(`is wrong use with ${name}`, async () => {
      const { code, out, errors } = await migrate(argv, env);
      assert.equal(code, 2);
      assert.equal(out, '');
      assert.match(errors, says);
      assert.doesNotMatch(errors, /secret/);
    });

  it('fails with the next step when the database is away', async () => {
    const { code, errors } = await migrate([], { DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/d' });
    assert.equal(code, 1);
    assert.match(errors, /ECONNREFUSED[\s\S]*Check DATABASE_URL/);
    assert.doesNotMatch(errors, /secret/);
  });

  describe('on a database', () => {
    let server: TestPostgres;
    before(async function () {
      server = await postgresFor(this);
    });
    after(() => server?.stop());

    it('applies once and says how far it is', async () => {
      const env = { DATABASE_URL: server.url };
      assert.deepEqual(await migrate(['--status'], env).then(({ code, out }) => [code, out.replace(/\d+$/, 'N')]), [
        1,
        'version 0 of N',
      ]);
      const first = await migrate(['--database-url', server.url]);
      assert.equal(first.code, 0);
      assert.match(first.out, /applied 0001_tables \((\w+)\)[\s\S]*\d+ applied: version \d+ \(\1\)$/);
      const again = await migrate([], env);
      assert.equal(again.out.replace(/\d+/, 'N'), `up to date: version N (${server.variant})`);
      assert.equal((await migrate(['--status'], env)).code, 0);
    });
  });
});
