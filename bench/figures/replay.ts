// replay: archived messages per second through decoders and tables again, alone; and what live data notices of it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { archive } from '../../src/archive/archive.ts';
import { archiveRow } from '../../src/archive/row.ts';
import type { Raw } from '../../src/reading/raw.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openStore } from '../../src/store/store.ts';
import { startPostgres, type TestPostgres } from '../../test/support/postgres.ts';
import { type Figure, ms, type Report } from '../figure.ts';
import { startLoad } from '../load.ts';
import { load } from '../machine.ts';
import { energyMessage } from '../message.ts';
import { openStage } from '../stage.ts';

const AT_ONCE = 5000;
const command = path.resolve(import.meta.dirname, '../../cli/fieldline.ts');

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

/** Runs the command line as an operator would; resolves with its result and how long it worked. */
async function replay(url: string, ...more: string[]): Promise<{ told: Record<string, unknown>; seconds: number }> {
  const began = performance.now();
  const child = spawn(process.execPath, [command, 'replay', '--database-url', url, ...more], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let out = '';
  child.stdout.on('data', text => {
    out += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`fieldline replay ended with ${code}: ${out}`);
  return { told: JSON.parse(out) as Record<string, unknown>, seconds: (performance.now() - began) / 1000 };
}

async function alone(postgres: TestPostgres, messages: number, report: Report): Promise<void> {
  await migrate(postgres.url);
  await fill(postgres.url, messages);
  report.table(`fieldline replay alone, ${messages} messages`, [
    'rows',
    'seconds',
    'messages/s',
    'new rows',
    'known',
    'load',
  ]);
  for (const rows of ['new', 'all known']) {
    const { told, seconds } = await replay(postgres.url);
    report.row(
      ...[rows, seconds.toFixed(1), Math.round(messages / seconds)],
      ...[String(told['stored']), String(told['duplicates']), load().toFixed(1)],
    );
  }
}

export const replayFigure: Figure = {
  says: 'archived messages per second through decoders and tables again, and the latency of live data beside it',
  defaults: { seconds: 10, rates: [1000], broker: 'embedded' },
  async run({ seconds, rates }, report) {
    const messages = Math.round(seconds * 20_000);
    const postgres = await startPostgres();
    try {
      await alone(postgres, messages, report);
    } finally {
      await postgres.stop();
    }
    const stage = await openStage({ broker: 'embedded', database: 'own' });
    if (stage?.postgres === undefined) return;
    try {
      const { gateway, rows } = stage;
      const { url } = stage.postgres;
      await fill(url, messages * 2);
      await startLoad({ url: gateway.mqtt, rate: 1000, seconds: 3, range: { prefix: 'warm' } }).complete();
      report.table('live data, MQTT to committed row, and a replay beside it', [
        ...['live/s', 'beside', 'live p50 ms', 'live p99 ms', 'lost', 'replayed/s', 'load'],
      ]);
      for (const rate of rates)
        for (const beside of ['nothing', 'a replay']) {
          const range = { prefix: `${beside === 'nothing' ? 'q' : 'b'}${rate}` };
          const live = startLoad({ url: gateway.mqtt, rate, seconds, range }).complete(120_000);
          const old = beside === 'nothing' ? undefined : replay(url, '--topic', 'homelab/#', '--to', '30min');
          const published = (await live).range;
          const { lost } = await rows.settled(published, 60_000);
          const latency = await rows.latency(published);
          const done = await old;
          report.row(
            ...[rate, beside, ms(latency.p50), ms(latency.p99), lost],
            ...[done === undefined ? '–' : Math.round((messages * 2) / done.seconds), load().toFixed(1)],
          );
        }
    } finally {
      await stage.close();
    }
    report.note('Seconds are of the whole command, its start included. The replay yields by itself; no rate was set.');
  },
};
