// The embedded database of a subcommand: that it is not running, or does not answer, is said as it is, with what to do.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { lockFolder } from '../gateway/data-directory.ts';
import { databaseFault } from '../src/store/fault.ts';
import { ask } from './command.fixture.ts';
import { embeddedFault } from './database.ts';
import { run as deadLetters } from './dead-letters.ts';
import { run as doctor } from './doctor.ts';
import type { Run } from './io.ts';
import { run as keys } from './keys.ts';
import { run as replay } from './replay.ts';

describe('embedded database of a subcommand', () => {
  let directory: string;
  let release: (() => void) | undefined;
  beforeEach(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'fieldline-embedded-'));
    // Nobody listens there.
    note('database.json', { cluster: 'postgres', password: 'hidden', port: 1 });
  });
  afterEach(() => {
    release?.();
    release = undefined;
    rmSync(directory, { recursive: true, force: true });
  });
  const note = (file: string, content: object) =>
    writeFileSync(path.join(directory, file), JSON.stringify(content), { mode: 0o600 });
  const env = () => ({ FIELDLINE_DIR: directory });

  const commands: [name: string, run: Run, argv: string[]][] = [
    ['keys', keys, ['list']],
    ['dead-letters', deadLetters, ['list']],
    ['replay', replay, ['--queue']],
  ];
  for (const [name, run, argv] of commands) {
    it(`${name}: is not running where the gateway is stopped`, async () => {
      const { code, errors } = await ask(run, argv, env());
      assert.equal(code, 1);
      assert.match(
        errors,
        /the embedded database of \S+ is not running \(.*ECONNREFUSED.*\)\nStart the gateway of this/,
      );
      assert.ok(errors.includes(directory));
      assert.doesNotMatch(errors, /hidden|Check DATABASE_URL/);
    });

    it(`${name}: is not running where the gateway was killed, also when another process has its id`, async () => {
      lockFolder(directory)();
      note('gateway.json', { pid: process.pid });
      const { errors } = await ask(run, argv, env());
      assert.match(errors, /the embedded database of \S+ is not running/);
    });

    it(`${name}: does not answer where the gateway runs`, async () => {
      release = lockFolder(directory);
      const { code, errors } = await ask(run, argv, env());
      assert.equal(code, 1);
      assert.match(
        errors,
        /the embedded database of \S+ does not answer \(.*\)\nThe gateway \(process id \d+\) starts it/,
      );
    });

    it(`${name}: names an address that was given`, async () => {
      const { code, errors } = await ask(run, argv, { ...env(), DATABASE_URL: 'postgres://u:hidden@127.0.0.1:1/d' });
      assert.equal(code, 1);
      assert.match(errors, /ECONNREFUSED[\s\S]*Check DATABASE_URL/);
    });
  }

  it('doctor: does not answer where the gateway runs', async () => {
    release = lockFolder(directory);
    const { out } = await ask(doctor, [], { ...env(), PORT: '0', MQTT_LISTEN: '127.0.0.1:0' });
    assert.match(
      out,
      /^fails {2}database +.*embedded database of \S+ does not answer .*\n +→ The gateway \(process id/m,
    );
  });

  it('knows whether it was this database that answered', () => {
    const fault = (code: string) => embeddedFault(directory, databaseFault(Object.assign(new Error('x'), { code })));
    for (const code of ['ECONNREFUSED', '28P01', '57P01', '57P03', '08006']) assert.ok(fault(code), code);
    for (const code of ['53100', '42P01', '25006', '23505']) assert.equal(fault(code), undefined, code);
    assert.equal(embeddedFault(directory, new Error('x')), undefined);
  });
});
