// Damage: a part of a file is overwritten where it lies.
import { closeSync, openSync, writeSync } from 'node:fs';

export function overwrite(file: string, at: number, bytes: Uint8Array): void {
  const handle = openSync(file, 'r+');
  writeSync(handle, bytes, 0, bytes.length, at);
  closeSync(handle);
}

/** As many bytes of rubbish. */
export const rubbish = (length: number): Uint8Array => Buffer.alloc(length, 0xee);
