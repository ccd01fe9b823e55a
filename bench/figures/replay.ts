// replay: archived messages per second through decoders and tables again, alone; and what live data notices of it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { archive } from '../../src/archive/archive.ts';
import { archiveRow } from '../../src/archive/row.ts';
import type { Raw } from '../../src/reading/raw.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openStore } from '../../src/store/store.ts';
import { startPostgres } from '../../test/support/postgres.ts';
import { type Figure, ms, type Options, type Report } from '../figure.ts';
import { startLoad } from '../load.ts';
import { load } from '../machine.ts';
import { energyMessage } from '../message.ts';
import type { Rows } from '../rows.ts';
import { openStage, type Stage } from '../stage.ts';

const AT_ONCE = 5000;
const program = path.resolve(import.meta.dirname, '../../cli/fieldline.ts');

/** Messages of an hour, archived and not decoded. */
async function fill(url: string, messages: number): Promise<void> {
  const store = openStore({ url, connections: 2 });
  const sink = archive({ query: store.prepared, bulk: store.bulk, target: 'bench' });
  const from = Date.now() - 7_200_000;
  for (let first = 0; first < messages; first += AT_ONCE) {
    const raws = Array.from({ length: Math.min(AT_ONCE, messages - first) }, (_, at): Raw => {
      const number = first + at;
      const receivedAt = from + Math.floor((number * 3_600_000) / messages);
      const { topic, payload } = energyMessage('old', number, receivedAt * 1000 + (number % 1000));
      return { topic, bytes: payload, receivedAt, source: 'bench', protocol: 'mqtt' };
    });
    await sink.write(raws.map(raw => archiveRow(raw, Date.now())));
  }
  await store.close();
}

type Told = { code: number | null; out: string; seconds: number };

/** Runs the command line as an operator would; resolves when it has ended, with what it said and how long it worked. */
async function command(url: string, ...more: string[]): Promise<Told> {
  const began = performance.now();
  const child = spawn(process.execPath, [program, 'replay', '--database-url', url, ...more], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let out = '';
  child.stdout.on('data', text => {
    out += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, seconds: (performance.now() - began) / 1000 };
}

async function alone(messages: number, report: Report): Promise<void> {
  const postgres = await startPostgres();
  try {
    await migrate(postgres.url);
    await fill(postgres.url, messages);
    report.table(`fieldline replay alone, ${messages} messages`, [
      ...['rows', 'seconds', 'messages/s', 'new rows', 'known', 'load'],
    ]);
    for (const rows of ['new', 'all known']) {
      const { code, out, seconds } = await command(postgres.url);
      if (code !== 0) throw new Error(`fieldline replay ended with ${code}: ${out}`);
      const { stored, duplicates } = JSON.parse(out) as { stored: number; duplicates: number };
      report.row(rows, seconds.toFixed(1), Math.round(messages / seconds), stored, duplicates, load().toFixed(1));
    }
  } finally {
    await postgres.stop();
  }
}

type Beside = 'nothing' | 'fieldline replay' | 'replay node';

/** A replay that is under way; `end` stops it and tells how many messages a second it came to meanwhile. */
async function begin(beside: Beside, url: string, { query }: Rows): Promise<{ end(): Promise<number> }> {
  if (beside === 'nothing') return { end: () => Promise.resolve(0) };
  await query('UPDATE replays SET state = $1', ['stopped']);
  await query('TRUNCATE energy_readings');
  const queue = beside === 'replay node' ? ['--queue'] : [];
  const ended = command(url, '--topic', 'homelab/#', '--to', '30min', ...queue);
  const settled = async () =>
    Number((await query<{ n: string }>("SELECT sum(settled) AS n FROM replays WHERE state = 'running'"))[0]?.n ?? 0);
  while ((await settled()) === 0) await wait(50);
  const [from, since] = [await settled(), performance.now()];
  return {
    async end() {
      const moved = (await settled()) - from;
      const seconds = (performance.now() - since) / 1000;
      const [stopped] = await query("UPDATE replays SET state = 'stopped' WHERE state = 'running' RETURNING id");
      await ended;
      // Where it came to its end there was a time without it.
      return stopped === undefined ? Number.NaN : moved / seconds;
    },
  };
}

/** The devices of the replay are those that send, as they would be: both write the same rows of devices and latest values. */
async function beside({ gateway, rows, postgres }: Stage, { seconds, rates, runs }: Options, report: Report) {
  const { url } = postgres!;
  const messages = seconds * 25_000;
  await fill(url, messages);
  let next = messages;
  const publish = async (rate: number, time: number) => {
    const range = { prefix: 'old', first: next };
    const published = (await startLoad({ url: gateway.mqtt, rate, seconds: time, range }).complete(120_000)).range;
    next = published.next;
    return published;
  };
  await publish(1000, 3);
  report.table('live data, MQTT to committed row, and a replay of the same devices beside it', [
    ...['live/s', 'beside', 'live p50 ms', 'live p99 ms', 'lost', 'replayed/s', 'load'],
  ]);
  for (let run = 0; run < runs; run++)
    for (const rate of rates)
      for (const kind of ['nothing', 'fieldline replay', 'replay node'] as const) {
        const replay = await begin(kind, url, rows);
        const published = await publish(rate, seconds);
        const speed = await replay.end();
        const { lost } = await rows.settled(published, 60_000);
        const { p50, p99 } = await rows.latency(published);
        report.row(rate, kind, ms(p50), ms(p99), lost, kind === 'nothing' ? '–' : Math.round(speed), load().toFixed(1));
      }
}

export const replayFigure: Figure = {
  says: 'archived messages per second through decoders and tables again, and the latency of live data beside it',
  defaults: { seconds: 10, runs: 1, rates: [100, 1000], broker: 'embedded' },
  async run(options, report) {
    const { seconds, only } = options;
    const asked = (part: string) => only.length === 0 || only.includes(part);
    if (asked('alone')) await alone(seconds * 40_000, report);
    if (asked('beside')) {
      const stage = await openStage({ broker: 'embedded', database: 'own' });
      try {
        await beside(stage, options, report);
      } finally {
        await stage.close();
      }
    }
    report.note('Seconds are of the whole command, its start included. The replay yields by itself; no rate was set.');
  },
};
