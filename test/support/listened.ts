// Waits until a live server hears of other writers: before, it takes what they write for what was there already.
import type pg from 'pg';
import { until } from './until.ts';

const LISTENS = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle' AND query LIKE 'LISTEN%'`;

export async function listened(client: pg.Client): Promise<void> {
  await until(async () => (await client.query(LISTENS)).rowCount === 1);
}
