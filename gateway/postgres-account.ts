// Who the embedded PostgreSQL runs as and where its cluster lies: it refuses root, so root lends it an ordinary account.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expected, Fault } from '../src/kernel/fault.ts';
import { makeFolders } from './data-directory.ts';
import { foreignOwnerOf } from './private-file.ts';

const run = promisify(execFile);

/** Nothing: the account of this process. */
export type Account = { uid?: number; gid?: number };

/** Kept across reboots and not swept by age, unlike the folders for temporary files. */
const HOMES = ['/var/lib', '/srv', '/opt'];
const OWN = 'fieldline-databases';

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** `postgres` where the machine has it, else `nobody`, else the first account that is not root. */
export function lentAccount(passwd: string): Account | undefined {
  const accounts = passwd
    .split('\n')
    .map(line => line.split(':'))
    .filter(fields => /^\d+$/.test(fields[2] ?? '') && fields[2] !== '0' && /^\d+$/.test(fields[3] ?? ''));
  const chosen = ['postgres', 'nobody'].map(name => accounts.find(fields => fields[0] === name)).find(Boolean);
  const fields = chosen ?? accounts[0];
  return fields === undefined ? undefined : { uid: Number(fields[2]), gid: Number(fields[3]) };
}

/**
 * An existing cluster keeps its owner; a new one is of whoever the data directory is, where that is not root. Throws a Fault
 * when this process cannot become that account.
 */
export function accountFor(cluster: string | undefined, directory: string): Account {
  const owner = cluster !== undefined && existsSync(cluster) ? statSync(cluster) : undefined;
  if (!isRoot()) {
    if (owner !== undefined && owner.uid !== process.getuid?.())
      throw new Fault(
        'FIELDLINE_DIR',
        expected(
          'embedded database',
          `a cluster of this user in ${cluster} (start as its owner or as root)`,
          `one of user id ${owner.uid}`,
        ),
      );
    return {};
  }
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const account =
    foreignOwnerOf(directory) ?? lentAccount(existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8') : '');
  if (account === undefined)
    throw new Fault(
      'FIELDLINE_DATABASE',
      expected(
        'embedded database',
        'an account other than root in /etc/passwd (add one, start as an ordinary user, or set DATABASE_URL)',
        undefined,
      ),
    );
  return account;
}

/** Whether the account can enter the folder. The kernel is asked, since modes alone leave out access lists and mounts. */
export async function canEnter(account: Account, folder: string): Promise<boolean> {
  if (account.uid === undefined) return true;
  try {
    await run('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...account, cwd: '/' });
    return true;
  } catch {
    return false;
  }
}

/** Makes a folder that belongs to the account alone. */
export function makeOwn(folder: string, account: Account): void {
  mkdirSync(folder, { mode: 0o700 });
  if (account.uid !== undefined && account.gid !== undefined) chownSync(folder, account.uid, account.gid);
}

/** A folder that `homeFor` has made for one cluster alone, outside the data directory. */
export function isOwnHome(folder: string): boolean {
  const above = path.dirname(folder);
  return HOMES.some(base => above === path.join(base, OWN)) && /^[0-9a-f]{12}$/.test(path.basename(folder));
}

/**
 * Folder for a new cluster: in the data directory, or, where the account cannot get there (a home of mode 700 above it),
 * in a folder of the machine under a name of its own. The caller records it in the data directory.
 */
export async function homeFor(directory: string, account: Account): Promise<string> {
  if (await canEnter(account, directory)) return directory;
  for (const base of HOMES) {
    const home = path.join(base, OWN, randomBytes(6).toString('hex'));
    try {
      makeFolders(home, 0o711);
    } catch {
      continue;
    }
    if (await canEnter(account, home)) return home;
    rmdirSync(home);
  }
  throw new Fault(
    'FIELDLINE_DIR',
    expected(
      'embedded database',
      `a data directory that user id ${account.uid} can enter (chmod a+x the folders above it, or set DATABASE_URL)`,
      directory,
    ),
  );
}
