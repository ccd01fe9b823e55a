// After a crash: what the database got since the series were last saved is learned before the first message.
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { catchUp } from '../../src/anomaly/catch-up.ts';
import type { DeviceScorer } from '../../src/anomaly/device.ts';
import { expected, reasonOf } from '../../src/kernel/fault.ts';
import type { Host } from '../../src/palette/define.ts';
import type { Query } from '../../src/reading/contracts.ts';

/** A database that does not answer must not keep the flow waiting. */
const PATIENCE_MS = 8000;

/** After an orderly stop there is nothing to learn: each series has seen all that is stored of it. */
export async function learnStored(host: Host, file: string, { learn }: DeviceScorer): Promise<void> {
  const store = host.config<{ query: Query }>('store');
  if (store === undefined) return;
  try {
    const { mtime } = await stat(file);
    const values = await catchUp(patient(store.query), mtime, it => learn(it.device, it.metric, it.time, it.value));
    if (values > 0) host.log('info', `learned ${values} values that were stored after the last save`);
  } catch (error) {
    host.log('warn', `what was stored after the last save was not learned: ${reasonOf(error)}`);
  }
}

const patient =
  (query: Query): Query =>
  (sql, values) => {
    const late = sleep(PATIENCE_MS, undefined, { ref: false }).then(() => {
      throw new Error(expected('database', `an answer within ${PATIENCE_MS / 1000} s`, 'none'));
    });
    return Promise.race([query<never>(sql, values), late]);
  };
