// What became of everything that a radio was sent: looked for, one by one, in the database, and in the counters of the gateway.
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { type FlowNode, type Gateway, makeGateway } from '../../bench/gateway.ts';
import { childrenOf } from '../../bench/radio-load.ts';
import type { Struck } from './strikes.ts';
import { METERS, type Worst, worstOf } from './worst.ts';

/** All is accounted for where `missing` equals `counted`, `strange` is empty, and `read` equals `readable`. */
export type Account = {
  sent: number;
  /** Sent and not in the archive. */
  missing: number;
  /** Told as dropped, by reason. */
  reasons: Readonly<Record<string, number>>;
  counted: number;
  /** In the archive more often than sent. */
  strange: readonly string[];
  /** In the archive, and of a kind that has a value; values in the tables. */
  readable: number;
  read: number;
};
export type Outcome = {
  adverts: Account;
  frames: Account /** Sent to nobody: the process had been killed. */;
  unread: number;
  struck: Struck;
};
export type RunOptions = { seed: number; rate: number; seconds: number; databaseUrl: string };

const QUIET_MS = 1500;
/** Looks in a row that found nothing new: during one alone, the machine may have stood still. */
const QUIET_LOOKS = 4;
const SETTLE_MS = 60_000;

/** A whole gateway with its flow through the worst for so many seconds. Rejects where what has come does not come to rest. */
export async function throughTheWorst({ seed, rate, seconds, databaseUrl }: RunOptions): Promise<Outcome> {
  const gateway = await makeGateway({ databaseUrl });
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  pool.on('error', () => undefined);
  let worst: Worst | undefined;
  try {
    worst = await worstOf({ seed, rate, radioPid: () => childrenOf(gateway.pid).find(isRadio) });
    const { port, sent, unread } = worst;
    await gateway.start(120_000);
    // Beside what is there, which serves the counters.
    await gateway.deploy('full', flows => [...flows, ...flowOn(`tcp://127.0.0.1:${port}`)]);
    while (sent.adverts.size === 0) await wait(20);
    const struck = await worst.rage(seconds);
    await atRest(pool);
    const numbers = [...sent.adverts].map(String);
    const dropped = await drops(gateway);
    return {
      adverts: account(numbers, await rowsOf(pool, ADVERTS), await rowsOf(pool, COUNTS), dropped('worst scan')),
      frames: account(sent.frames, await rowsOf(pool, FRAMES), await rowsOf(pool, DISTANCES), dropped('worst gatt')),
      unread: unread.adverts.size + unread.frames.length,
      struck,
    };
  } finally {
    await worst?.close();
    await pool.end();
    await gateway.remove();
  }
}

const DB = { id: 'w-db', type: 'fieldline-timescale-db', name: 'worst' };

function flowOn(adapter: string): FlowNode[] {
  const z = 'w-tab';
  const nodes: FlowNode[] = [
    {
      id: 'w-scan',
      type: 'fieldline-ble-scan',
      name: 'worst scan',
      adapter,
      scanner: 'worst',
      mode: 'active',
      emit: 'batches',
      wires: [['w-arc']],
    },
    ...METERS.map((address, at) => ({
      ...{
        id: `w-gatt${at}`,
        type: 'fieldline-ble-gatt',
        name: `worst gatt ${at}`,
        adapter,
        address,
        scanner: 'worst',
      },
      wires: [['w-garc'], [], []],
    })),
    { id: 'w-arc', type: 'fieldline-raw-archive', store: DB.id, wires: [['w-decode']] },
    { id: 'w-garc', type: 'fieldline-raw-archive', store: DB.id, wires: [['w-laser']] },
    { id: 'w-decode', type: 'fieldline-advert-decode', wires: [['w-out'], []] },
    { id: 'w-laser', type: 'fieldline-laser-decode', wires: [['w-out'], []] },
    { id: 'w-out', type: 'fieldline-timescale-out', store: DB.id, wires: [[], []] },
  ];
  return [
    { id: z, type: 'tab', label: 'worst' },
    DB,
    ...nodes.map((node, at) => ({ ...node, z, x: 140 + 180 * (at % 5), y: 80 + 60 * Math.floor(at / 5) })),
  ];
}

function isRadio(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('radio/child');
  } catch {
    return false;
  }
}

/** A row each; `readable` where a decoder knows it. The number of an advert stands in its last four bytes. */
const ADVERTS = `SELECT coalesce(payload->'manufacturer_data'->>'ffff', right(payload->'service_data'->>'fcd2', 8)) AS what,
    payload->'service_data' ? 'fcd2' AS readable
  FROM raw_advertisements WHERE scanner_id = 'worst' AND topic LIKE 'bt-mqtt/raw/%'`;
const FRAMES = `SELECT encode(bytes, 'hex') AS what, encode(bytes, 'hex') LIKE 'c05510%' AS readable
  FROM raw_advertisements WHERE topic LIKE 'ble/worst/%'`;
const COUNTS = `SELECT DISTINCT value::bigint::text AS what FROM sensor_readings WHERE metric = 'count'`;
const DISTANCES = 'SELECT DISTINCT raw_hex AS what FROM measurements';

type Row = { what: string; readable?: boolean };
async function rowsOf(pool: pg.Pool, sql: string): Promise<Row[]> {
  const { rows } = await pool.query<Row>(sql);
  if (sql === ADVERTS) for (const row of rows) row.what = String(Buffer.from(row.what, 'hex').readUInt32LE());
  return rows;
}

function account(
  sent: readonly string[],
  archived: readonly Row[],
  values: readonly Row[],
  reasons: Readonly<Record<string, number>>,
): Account {
  // The answer to a meter's enable command is the same each time: how often counts, too.
  const open = new Map<string, number>();
  for (const what of sent) open.set(what, (open.get(what) ?? 0) + 1);
  const strange: string[] = [];
  for (const { what } of archived) {
    const left = open.get(what) ?? 0;
    if (left === 0) strange.push(what);
    else open.set(what, left - 1);
  }
  return {
    sent: sent.length,
    missing: [...open.values()].reduce((sum, count) => sum + count, 0),
    reasons,
    counted: Object.values(reasons).reduce((sum, count) => sum + count, 0),
    strange,
    readable: archived.filter(({ readable }) => readable).length,
    read: values.length,
  };
}

/** What nodes whose name begins so have dropped, by reason; without the short packets, which are counted as damaged reports. */
async function drops(gateway: Gateway): Promise<(name: string) => Record<string, number>> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  return name => {
    const reasons: Record<string, number> = {};
    for (const line of text.split('\n')) {
      if (!line.startsWith('fieldline_dropped_total{') || !line.includes(`"${name}`)) continue;
      const reason = /reason="([^"]*)"/.exec(line)?.[1] ?? 'unknown';
      if (reason === 'damaged') continue;
      reasons[reason] = (reasons[reason] ?? 0) + Number(line.slice(line.lastIndexOf(' ')));
    }
    return reasons;
  };
}

/** Resolves when nothing has been added for a while. */
async function atRest(pool: pg.Pool): Promise<void> {
  const end = performance.now() + SETTLE_MS;
  let before = '';
  for (let quiet = 0; quiet < QUIET_LOOKS; ) {
    await wait(QUIET_MS);
    const now = JSON.stringify((await pool.query(SIZES)).rows);
    quiet = now === before ? quiet + 1 : 0;
    if (performance.now() > end) throw new Error(`rows are still added ${SETTLE_MS / 1000} s after the last was sent`);
    before = now;
  }
}
const SIZES = `SELECT (SELECT count(*) FROM raw_advertisements) AS raw, (SELECT count(*) FROM sensor_readings) AS readings,
  (SELECT count(*) FROM measurements) AS measurements`;
