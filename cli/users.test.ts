// fieldline users token: a token that the gateway takes, and wrong use.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readToken } from '../src/kernel/token.ts';
import { ask } from './command.fixture.ts';
import { main } from './fieldline.ts';

const SECRET = 'a secret of at least 32 characters, for tests';

const users = (argv: readonly string[], env: NodeJS.ProcessEnv) =>
  ask(main, ['users', ...argv], { HOME: process.env['HOME'], ...env });

describe('fieldline users token', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'fieldline-users-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('signs with the secret of the data directory', async () => {
    writeFileSync(join(folder, 'secret'), `${SECRET}\n`);
    const { code, out } = await users(['token', '--org', 'north', '--role', 'viewer', '--hours', '2'], {
      FIELDLINE_DIR: folder,
    });
    assert.equal(code, 0);
    const { exp, ...claims } = readToken(out, SECRET, Date.now()) as { exp: number };
    assert.deepEqual(claims, { sub: 'cli', org_id: 'north', role: 'viewer' });
    assert.ok(Math.abs(exp - Date.now() / 1000 - 7200) < 60);
    assert.deepEqual(readToken(out, SECRET, Date.now() + 3 * 3_600_000), { refused: 'token: expired' });
  });

  it('names the audience and the issuer that the gateway asks for', async () => {
    const { out } = await users(['token', '--org', 'n', '--role', 'viewer'], {
      FIELDLINE_SECRET: SECRET,
      FIELDLINE_TOKEN_AUDIENCE: 'fieldline',
      FIELDLINE_TOKEN_ISSUER: 'plant',
    });
    const claims = JSON.parse(Buffer.from(out.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>;
    assert.deepEqual([claims['aud'], claims['iss']], ['fieldline', 'plant']);
  });

  it('prefers FIELDLINE_SECRET', async () => {
    const other = `${SECRET}, another one`;
    const { out } = await users(['token', '--org', 'n', '--role', 'admin', '--sub', 'ana'], {
      FIELDLINE_DIR: folder,
      FIELDLINE_SECRET: other,
    });
    assert.equal((readToken(out, other, Date.now()) as { sub: string }).sub, 'ana');
  });

  for (const argv of [
    [],
    ['list'],
    ['token'],
    ['token', '--org', 'n'],
    ['token', '--org', 'n', '--role', 'king'],
    ['token', '--org', '', '--role', 'viewer'],
    ['token', '--org', 'n', '--role', 'viewer', '--hours', '0'],
    ['token', '--org', 'n', '--role', 'viewer', '--hours', 'long'],
    ['token', '--org', 'n', '--role', 'viewer', '--what'],
  ])
    it(`is wrong use: ${argv.join(' ') || 'nothing'}`, async () => {
      const { code, out, errors } = await users(argv, { FIELDLINE_SECRET: SECRET });
      assert.deepEqual([code, out], [2, '']);
      assert.match(errors, /Usage: fieldline users token/);
    });

  it('makes no secret where no gateway has run', async () => {
    const { code, errors } = await users(['token', '--org', 'n', '--role', 'viewer'], {
      FIELDLINE_DIR: join(folder, 'nowhere'),
    });
    assert.equal(code, 2);
    assert.match(errors, /expected FIELDLINE_SECRET/);
  });
});
