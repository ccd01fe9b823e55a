// Removed: what a deleted node had learned is put aside for a while, for an undo, and then thrown away.
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';

const KEPT_MS = 30 * 86_400_000;
const MOST_NODES = 50;
const MOST_BYTES = 1e9;

/** Beside the file of series: how far it was heard, and the mark of a node that could not save. */
const SUFFIXES = ['', '.heard', '.open'] as const;

/** A folder for each node: it is as old as the removal, whatever the files in it are. */
const asideOf = (file: string): string => path.join(path.dirname(file), 'removed', path.basename(file));

async function move(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const name = path.basename(from);
  // The file of series goes last: what was cut short in between is gone on with.
  for (const suffix of SUFFIXES.toReversed())
    if (existsSync(from + suffix)) await rename(from + suffix, path.join(to, name + suffix));
}

/** Puts the files of a node that was deleted aside. */
export async function putAside(file: string): Promise<void> {
  if (!existsSync(file)) {
    await Promise.all(SUFFIXES.map(suffix => rm(file + suffix, { force: true })));
    return;
  }
  const aside = asideOf(file);
  await rm(aside, { recursive: true, force: true });
  await move(file, aside);
}

/** Brings back what was put aside, where the node has begun nothing new; answers whether there was anything. */
export async function bringBack(file: string): Promise<boolean> {
  const aside = asideOf(file);
  const kept = path.join(aside, path.basename(file));
  if (existsSync(file) || !existsSync(kept)) return false;
  await move(kept, path.dirname(file));
  await rmdir(aside);
  return true;
}

/** Throws away what was put aside too long ago, and the oldest where it is too much. */
export async function clearAside(file: string, limits = { ms: KEPT_MS, nodes: MOST_NODES, bytes: MOST_BYTES }) {
  const folder = path.dirname(asideOf(file));
  const names = await readdir(folder).catch(() => []);
  const kept = await Promise.all(names.map(name => measured(path.join(folder, name))));
  let bytes = 0;
  for (const [place, { where, size, at }] of kept.sort((one, other) => other.at - one.at).entries()) {
    bytes += size;
    if (place < limits.nodes && bytes <= limits.bytes && Date.now() - at <= limits.ms) continue;
    await rm(where, { recursive: true, force: true });
  }
}

/** Another node may take its own back meanwhile. */
async function measured(where: string) {
  const gone = { size: 0, mtimeMs: 0 };
  const { mtimeMs: at } = await stat(where).catch(() => gone);
  const names = await readdir(where).catch(() => []);
  const sizes = await Promise.all(names.map(name => stat(path.join(where, name)).catch(() => gone)));
  return { where, at, size: sizes.reduce((sum, { size }) => sum + size, 0) };
}
