// Loaded into the gateway before it starts: on SIGUSR2 collects all garbage and writes what memory is left to heap.json in its directory.
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

async function probe(directory: string, collect: () => void): Promise<void> {
  collect();
  // What finalizers and answers of this moment still hold goes with the second collection.
  await wait(300);
  collect();
  const file = path.join(directory, 'heap.json');
  writeFileSync(`${file}.new`, JSON.stringify(process.memoryUsage()));
  renameSync(`${file}.new`, file);
}

const directory = process.env['FIELDLINE_DIR'];
if (isMainThread && directory !== undefined) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  process.on('SIGUSR2', () => void probe(directory, collect));
}
