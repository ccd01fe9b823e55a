// kill -9 in the middle of halving: a batch with poison in it, written by a process that dies again and again.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Carried, carriedCodec } from '../../nodes/timescale-out/carried.ts';
import { openOutbox } from '../../src/delivery/outbox/outbox.ts';
import { onDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';

const ROWS = 3000;
const KILLS = 6;
const isPoison = (n: number): boolean => n % 97 === 13;

/** PostgreSQL alone finds out about the poison: U+0000 within JSON. */
const carried = (n: number): Carried => ({
  row: {
    ...{ deviceId: `meter ${n % 7}`, protocol: 'mqtt', telemetry: { power_kw: n } },
    timestamp: new Date(Date.UTC(2026, 0, 3, 16) + n).toISOString(),
    metadata: { digest: n.toString(16).padStart(32, '0'), extra: isPoison(n) ? { text: 'a\0b' } : { text: 'ab' } },
  },
  topic: 't',
  alone: false,
});

describe('kill -9 in the middle of halving a poisoned batch', () => {
  const db = onDatabase();
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'poison-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('stores each good row once, and makes of each bad one a dead letter', async () => {
    const file = join(folder, 'out.outbox');
    const outbox = await openOutbox<Carried>(file, { codec: carriedCodec });
    const all = Array.from({ length: ROWS }, (_, n) => carried(n));
    for (let at = 0; at < ROWS; at += 100) await outbox.append(all.slice(at, at + 100));
    await outbox.close();
    const start = () => fork(new URL('../support/poison-child.ts', import.meta.url), [db.server.url, file]);
    const storedRows = async (): Promise<number> =>
      (await db.store.query<{ n: number }>('SELECT count(*) AS n FROM energy_readings'))[0]?.n ?? 0;

    const stored: number[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      const child = start();
      // By what it has stored, not by the time: a kill before the first row or after the last one would tell nothing.
      await until(async () => (await storedRows()) > (kill * ROWS) / (KILLS + 2));
      child.kill('SIGKILL');
      await once(child, 'exit');
      stored.push(await storedRows());
    }
    assert.ok(
      stored.some(n => n > 0 && n < ROWS / 2),
      `killed within the batch: ${stored.join()} rows were there`,
    );
    const child = start();
    await once(child, 'message');
    child.send('end');
    await once(child, 'exit');

    const rows = await db.store.query<{ power_kw: number }>('SELECT power_kw FROM energy_readings ORDER BY power_kw');
    assert.deepEqual(
      rows.map(({ power_kw }) => power_kw),
      all.flatMap(({ row }) => (isPoison(Number(row.telemetry['power_kw'])) ? [] : [row.telemetry['power_kw']])),
    );
    const letters = await db.store.query<{ bytes: Uint8Array; reason: string; attempts: number }>(
      'SELECT bytes, reason, attempts FROM dead_letters ORDER BY id',
    );
    const dead = letters.map(({ bytes }) => JSON.parse(Buffer.from(bytes).toString()).telemetry.power_kw as number);
    assert.deepEqual(
      dead.sort((a, b) => a - b),
      all.flatMap((_, n) => (isPoison(n) ? [n] : [])),
    );
    for (const { reason, attempts } of letters) {
      assert.match(reason, /22P05/);
      assert.ok(attempts >= 1 && attempts <= KILLS + 1);
    }
  });
});
