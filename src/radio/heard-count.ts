// How many adverts the Bluetooth process has heard, told in a way that outlives it: in a file without a name that both
// processes have open. What it heard and could not hand over before it was killed can so be counted.
import { closeSync, existsSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export type HeardCount = {
  /** For the other process. */
  readonly file: number;
  read(): number;
  close(): void;
};

// In memory, where there is such a folder: it is written for every advert.
const MEMORY = '/dev/shm';
const BYTES = 8;
let opened = 0;

/** Undefined where no file can be made; such losses are then not counted. */
export function heardCount(): HeardCount | undefined {
  const folder = existsSync(MEMORY) ? MEMORY : os.tmpdir();
  const name = path.join(folder, `fieldline-heard-${process.pid}-${++opened}`);
  let file: number;
  try {
    file = openSync(name, 'wx+', 0o600);
    unlinkSync(name);
  } catch {
    return undefined;
  }
  return {
    file,
    read() {
      const bytes = Buffer.alloc(BYTES);
      readSync(file, bytes, 0, BYTES, 0);
      return bytes.readDoubleLE();
    },
    close: () => closeSync(file),
  };
}

/** To be called with the number of adverts, each time it has risen. */
export function countInto(file: number): (count: number) => void {
  const bytes = Buffer.alloc(BYTES);
  return count => {
    bytes.writeDoubleLE(count);
    writeSync(file, bytes, 0, BYTES, 0);
  };
}
