// After a crash, or where the file of series cannot be read: what the database got since is learned before the first message.
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { catchUp, type Keys } from '../../src/anomaly/catch-up.ts';
import type { DeviceScorer } from '../../src/anomaly/device.ts';
import { expected, reasonOf } from '../../src/kernel/fault.ts';
import type { Host } from '../../src/palette/define.ts';
import type { Query } from '../../src/reading/contracts.ts';
import { quantity } from '../../src/reading/quantity.ts';

/** A database that does not answer must not keep the flow waiting. */
const PATIENCE_MS = 8000;

/** Answers how many values were learned: none without a database, nor without `keys`, where rows do not tell them. */
export async function learnStored(host: Host, keys: Keys | undefined, scorer: DeviceScorer): Promise<number> {
  const store = host.config<{ query: Query }>('store');
  if (store === undefined) return 0;
  if (keys === undefined) {
    host.log('warn', 'what was stored after the last save was not learned: its rows do not tell the key of the series');
    return 0;
  }
  try {
    const values = await catchUp(patient(store.query), keys, scorer);
    if (values > 0) host.log('info', `learned ${quantity(values, 'value')} stored since the last save`);
    return values;
  } catch (error) {
    host.log('warn', `what was stored after the last save was not learned: ${reasonOf(error)}`);
    return 0;
  }
}

/** A file that is there while a node works, and still there when its process was killed. */
export function openMark(file: string) {
  const isLeft = existsSync(file);
  return {
    /** Nobody closed the node before. */
    isLeft,
    set: async () => {
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, '');
    },
    remove: () => rm(file, { force: true }),
  };
}

const patient =
  (query: Query): Query =>
  (sql, values) => {
    const late = sleep(PATIENCE_MS, undefined, { ref: false }).then(() => {
      throw new Error(expected('database', `an answer within ${PATIENCE_MS / 1000} s`, 'none'));
    });
    return Promise.race([query<never>(sql, values), late]);
  };
