// After a crash, or where the file of series cannot be read: what the database got since is learned before the first message.
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { catchUp, type Keys } from '../../src/anomaly/catch-up.ts';
import type { DeviceScorer } from '../../src/anomaly/device.ts';
import { type Late, type Learning, learnLate } from '../../src/anomaly/late.ts';
import { expected, reasonOf } from '../../src/kernel/fault.ts';
import { allMetrics } from '../../src/kernel/metrics.ts';
import type { Host } from '../../src/palette/define.ts';
import type { Query } from '../../src/reading/contracts.ts';
import { quantity } from '../../src/reading/quantity.ts';

/** A database that does not answer must not keep the flow waiting. */
const PATIENCE_MS = 8000;
const LOOK_MS = 50;
const STARTED_MS = 2000;
/** When messages come already it may take its time. */
const LATE_MS = 300_000;

/** Whether rows that were scored before lie in the outbox of a database still; that of a node that has not started by then counts as empty. */
function isUnderWay(directory: string, waited = Number.POSITIVE_INFINITY): boolean {
  const outboxes = allMetrics().filter(({ name }) => name === 'fieldline_outbox_rows');
  if (outboxes.some(({ labels, value }) => labels['type'] === 'fieldline-timescale-out' && value > 0)) return true;
  const folder = path.join(directory, 'outbox');
  if (waited >= STARTED_MS || !existsSync(folder)) return false;
  const nodes = readdirSync(folder).flatMap(name => /^(.+)\.outbox$/.exec(name)?.[1] ?? []);
  return !nodes.every(id => outboxes.some(({ labels }) => labels['node'] === decodeURIComponent(id)));
}

/** Answers how many values were learned: none without a database, nor without `keys`, where rows do not tell them; undefined when it did not answer. */
export async function learnStored(
  host: Host,
  keys: Keys | undefined,
  scorer: DeviceScorer,
): Promise<number | undefined> {
  const store = host.config<{ query: Query }>('store');
  if (store === undefined) return 0;
  if (keys === undefined) {
    host.log('warn', 'what was stored after the last save was not learned: its rows do not tell the key of the series');
    return 0;
  }
  try {
    await patient(store.query, PATIENCE_MS)('SELECT WHERE false');
    for (let waited = 0; isUnderWay(host.directory, waited); waited += LOOK_MS) {
      if (waited >= PATIENCE_MS) throw new Error('its last rows still lie in the outbox');
      await sleep(LOOK_MS);
    }
    const values = await catchUp(patient(store.query, PATIENCE_MS), keys, scorer);
    if (values > 0) host.log('info', `learned ${quantity(values, 'value')} stored since the last save`);
    return values;
  } catch (error) {
    host.log(
      'warn',
      `what was stored after the last save was not learned yet, which is tried again: ${reasonOf(error)}`,
    );
    return undefined;
  }
}

/** As `learnStored`; a database that does not answer is learned from once it does, while the node works. */
export async function learnNowOrLate(
  host: Host,
  options: Omit<Learning, 'query' | 'keys' | 'isUnderWay' | 'learned'> & { keys: Keys | undefined },
): Promise<{ learned: number; late?: Late }> {
  const { keys, scorer, changed } = options;
  const values = await learnStored(host, keys, scorer);
  changed(values ?? 0);
  const store = host.config<{ query: Query }>('store');
  if (values !== undefined || keys === undefined || store === undefined) return { learned: values ?? 0 };
  const learned = (late: number) => {
    if (late > 0) host.log('info', `learned ${quantity(late, 'value')} stored since the last save, late`);
  };
  return {
    learned: 0,
    late: await learnLate({
      ...options,
      keys,
      query: patient(store.query, LATE_MS),
      isUnderWay: () => isUnderWay(host.directory),
      learned,
    }),
  };
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
  (query: Query, ms: number): Query =>
  (sql, values) => {
    const late = sleep(ms, undefined, { ref: false }).then(() => {
      throw new Error(expected('database', `an answer within ${ms / 1000} s`, 'none'));
    });
    return Promise.race([query<never>(sql, values), late]);
  };
