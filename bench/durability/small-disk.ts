// A disk that can be filled to the last block: a small tmpfs, for root on Linux alone.
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export type SmallDisk = {
  /** A folder on it. */
  readonly directory: string;
  /** Takes all that is free. */
  fill(): void;
  /** Gives it back. */
  free(): void;
  remove(): void;
};

/** Why this process cannot have one, or undefined. */
export function whyNoSmallDisk(): string | undefined {
  if (process.platform !== 'linux') return 'a tmpfs of its own needs Linux';
  return process.getuid?.() === 0 ? undefined : 'mounting a tmpfs needs root';
}

/** Throws an Error where `whyNoSmallDisk` has a reason, or where the system does not mount it. */
export function mountSmallDisk(megabytes: number): SmallDisk {
  const mount = mkdtempSync(path.join(os.tmpdir(), 'fieldline-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'tmpfs', mount], { stdio: 'pipe' });
  const directory = path.join(mount, 'data');
  const ballast = path.join(mount, 'ballast');
  mkdirSync(directory);
  const remove = () => {
    process.removeListener('exit', remove);
    execFileSync('umount', ['--lazy', mount], { stdio: 'pipe' });
    rmSync(mount, { recursive: true, force: true });
  };
  process.once('exit', remove);
  return {
    directory,
    fill() {
      const file = openSync(ballast, 'a');
      try {
        for (let block = Buffer.alloc(1 << 16); ; ) writeSync(file, block);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast, { force: true }),
    remove,
  };
}
