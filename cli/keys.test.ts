// fieldline keys: a key's life on a real PostgreSQL, and wrong use.
import assert from 'node:assert/strict';
import { migrate } from '../src/store/migrate.ts';
import { postgresFor, type TestPostgres } from '../test/support/postgres.ts';
import { ask } from './command.fixture.ts';
import { main } from './fieldline.ts';

describe('fieldline keys', () => {
  let server: TestPostgres;
  before(async function () {
    server = await postgresFor(this);
    await migrate(server.url);
  });
  after(() => server?.stop());

  async function keys(...argv: string[]): Promise<{ code: number; lines: Record<string, unknown>[]; errors: string }> {
    const env = { DATABASE_URL: server.url, HOME: process.env['HOME'] };
    const { code, lines, errors } = await ask(main, ['keys', ...argv], env);
    return { code, lines: lines.map(line => JSON.parse(line) as Record<string, unknown>), errors };
  }

  it('creates, lists, rotates and revokes', async () => {
    const made = await keys('create', 'gw-1', '--per-minute', '20', '--partial', '--org', 'acme');
    assert.deepEqual([made.code, made.lines[0]?.['state'], made.lines[0]?.['limit_per_minute']], [0, 'in use', 20]);
    assert.match(String(made.lines[0]?.['key']), /^flk_/);
    assert.deepEqual([(await keys('create', 'gw-1', '--org', 'acme')).code], [2]);
    const rotated = await keys('rotate', 'gw-1', '--overlap-hours', '1');
    assert.notEqual(rotated.lines[0]?.['key'], made.lines[0]?.['key']);
    const listed = await keys('list');
    assert.deepEqual(
      listed.lines.map(({ state, key }) => [state, key]),
      [
        ['in use', undefined],
        ['replaced', undefined],
      ],
    );
    assert.equal((await keys('revoke', 'gw-1')).lines.length, 2);
    assert.deepEqual(
      (await keys('list')).lines.map(({ state }) => state),
      ['revoked', 'revoked'],
    );
  });

  it('means the key of one organisation', async () => {
    for (const org of ['east', 'west']) await keys('create', 'twin', '--org', org);
    const both = await keys('revoke', 'twin');
    assert.equal(both.code, 2);
    assert.match(both.errors, /several organisations have that name/);
    assert.equal((await keys('rotate', 'twin', '--org', 'west')).lines[0]?.['org_id'], 'west');
    assert.deepEqual(
      (await keys('revoke', 'twin', '--org', 'east')).lines.map(({ org_id: org }) => org),
      ['east'],
    );
  });

  const wrong: readonly string[][] = [
    [],
    ['dance'],
    ['create'],
    ['create', 'a', 'b'],
    ['create', 'a', '--kind', 'robot'],
    ['create', 'a', '--org', ' '],
    ['create', 'a', '--per-minute', '0'],
    ['create', 'a', '--per-minute', '1.5'],
    ['create', 'a', '--expires-hours', 'soon'],
    ['rotate', 'nobody'],
    ['revoke', 'nobody'],
    ['list', '--colour'],
  ];
  for (const argv of wrong)
    it(`says what is wrong with: keys ${argv.join(' ')}`, async () => {
      const { code, lines, errors } = await keys(...argv);
      assert.deepEqual([code, lines], [2, []]);
      assert.match(errors, /expected|Unknown option/);
    });

  it('tells one range of requests a minute, whichever end is passed', async () => {
    for (const given of ['0', '60001'])
      assert.match((await keys('create', 'a', '--per-minute', given)).errors, /expected a number from 1 to 60000, got/);
  });
});
