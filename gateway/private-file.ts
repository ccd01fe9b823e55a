// Small files only this user may read: written whole or not at all, and on disk before the call returns.
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
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
