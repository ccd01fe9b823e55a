// Small files only this user may read: written whole or not at all, and on disk before the call returns.
import {
  closeSync,
  existsSync,
  fsyncSync,
  lchownSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { codeOf } from '../src/reading/error-code.ts';

/** Text of the file, or undefined when there is none. */
export function readPrivate(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * What root makes in the folder of another user is to be that user's: a backup as root must not leave behind what the
 * gateway cannot read. Without the right to give it away (in some containers) it stays root's.
 */
export function handOver(place: string): void {
  const owner = foreignOwnerOf(path.dirname(place));
  if (owner === undefined) return;
  try {
    lchownSync(place, owner.uid, owner.gid);
  } catch (error) {
    if (codeOf(error) !== 'EPERM' && codeOf(error) !== 'EINVAL') throw error;
  }
}

/** Whose the folder is, where this process is root and the folder is not. */
export function foreignOwnerOf(folder: string): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const { uid, gid } = statSync(folder);
  return uid === 0 ? undefined : { uid, gid };
}

/** Mode 0700, with those above it that are missing. */
export function makePrivateFolder(folder: string): void {
  if (existsSync(folder)) return;
  makePrivateFolder(path.dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
  handOver(folder);
}

/** Mode 0600, on the disk when it returns; a crash leaves the old text or the new one. Throws as the file system does. */
export function writePrivate(file: string, text: string): void {
  const draft = `${file}.new`;
  const at = openSync(draft, 'w', 0o600);
  try {
    writeSync(at, text);
    fsyncSync(at);
  } finally {
    closeSync(at);
  }
  handOver(draft);
  renameSync(draft, file);
  syncFolder(path.dirname(file));
}

/** A rename is durable only when the folder is. */
export function syncFolder(folder: string): void {
  const at = openSync(folder, 'r');
  try {
    fsyncSync(at);
  } finally {
    closeSync(at);
  }
}

/** Value of a JSON file; undefined when it is absent or not JSON (a start must not fail on a half-written note). */
export function readJson<T>(file: string): T | undefined {
  const text = readPrivate(file);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}
