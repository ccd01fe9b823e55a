// A small disk of its own, to be filled by a test.
import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A file system that PostgreSQL may write to, or the reason why there is none. */
export function smallDisk(megabytes = 48): { folder: string; remove(): void } | string {
  if (process.getuid?.() !== 0) return 'only root may mount one';
  const folder = mkdtempSync(path.join(tmpdir(), 'fieldline-small-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', folder], { stdio: 'pipe' });
  } catch (error) {
    rmSync(folder, { recursive: true });
    return String((error as { stderr?: Buffer }).stderr ?? error).trim();
  }
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { stdio: ['ignore', 'pipe', 'ignore'] }));
  chownSync(folder, id('-u'), id('-g'));
  return {
    folder,
    remove() {
      execFileSync('umount', ['-l', folder]);
      rmSync(folder, { recursive: true });
    },
  };
}
