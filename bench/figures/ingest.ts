// ingest: MQTT QoS 1 → decode → dedup → anomaly → committed row and live push, raw archive on; beside a stock flow.
import type { Figure, Options, Report } from '../figure.ts';
import { ms } from '../figure.ts';
import { startLoad, type Task } from '../load.ts';
import { load, median, type Usage } from '../machine.ts';
import type { Range } from '../message.ts';
import { mosquittoProgram, startMosquitto } from '../mosquitto.ts';
import { type Count, type Latency, openRows, type Rows } from '../rows.ts';
import { type BrokerKind, brokersOf, openStage, startSteady } from '../stage.ts';
import { startStock } from '../stock.ts';

/** V8 compiles for some 100,000 messages, seconds of CPU beside the flows: sustained is what comes after. */
const WARM_UP = { rate: 4000, seconds: 20 };
/** More at a time would only fill its memory. */
const STOCK_WARM_UP = { rate: 1000, seconds: 20 };
/** Above this the stock flow only fills its memory. */
const STOCK_LIMIT = 10_000;
const PREFIX = 'meter';
/**
 * Each rate has devices of its own, which have sent at that rate for so long: meters that all count faster from one second
 * to the next are an anomaly in every message, told at length.
 */
const SETTLED_SECONDS = 8;
/** A rate holds when what is left at its end is committed within this time. */
const TAIL_MS = 1000;
/** Load that begins at once finds processors at rest, and shares them with a publishing process that is compiled meanwhile. */
const START_MS = 1000;

type Run = {
  range: Range;
  offered: number;
  committed: number;
  latency: Latency;
  /** Of the messages after the start. */
  p99Sustained: number;
  tailMs: number;
  count: Count;
  cpuPer1000: number;
  rssMb: number;
};

/** One run at a rate, of the same devices as the runs at that rate before it; the numbers from `first` on keep their rows apart. */
async function measure(
  url: string,
  rows: Rows,
  usage: () => Usage,
  { prefix, next: first }: Range,
  rate: number,
  seconds: number,
): Promise<Run> {
  const before = usage();
  const { range } = await startLoad({ url, rate, seconds, range: { prefix, first } }).complete(120_000);
  const count = await rows.settled(range, 120_000);
  const after = usage();
  const published = range.next - range.first;
  const { firstTime, lastCommit } = await rows.span(range);
  return {
    offered: rate,
    committed: (count.stored * 1000) / (lastCommit - firstTime),
    latency: await rows.latency(range),
    p99Sustained: (await rows.latency(range, firstTime + START_MS)).p99,
    tailMs: lastCommit - firstTime - seconds * 1000,
    count,
    cpuPer1000: ((after.cpuSeconds - before.cpuSeconds) * 1000) / published,
    rssMb: after.rssMb,
    range,
  };
}

/** Sends and waits until all of it is stored. */
async function lead(rows: Rows, task: Parameters<typeof startLoad>[0]): Promise<Range> {
  const { range } = await startLoad(task).complete(120_000);
  await rows.settled(range, 120_000);
  return range;
}

async function measureAll(
  what: string,
  options: Options,
  report: Report,
  url: string,
  rows: Rows,
  usage: () => Usage,
  warmUp: Pick<Task, 'rate' | 'seconds'>,
): Promise<void> {
  await lead(rows, { url, ...warmUp, range: { prefix: PREFIX } });
  for (const rate of options.rates) {
    let range = await lead(rows, { url, rate, seconds: SETTLED_SECONDS, range: { prefix: `${PREFIX}-at-${rate}` } });
    const runs: Run[] = [];
    for (let n = 0; n < options.runs; n++) {
      const run = await measure(url, rows, usage, range, rate, options.seconds);
      range = run.range;
      runs.push(run);
    }
    const middle = (pick: (run: Run) => number) => median(runs.map(pick));
    const held = runs.filter(run => run.tailMs <= TAIL_MS && run.count.lost === 0).length;
    const total = (pick: (count: Count) => number) => runs.reduce((sum, { count }) => sum + pick(count), 0);
    report.row(
      what,
      rate,
      Math.round(middle(run => run.committed) ?? 0),
      `${held} of ${runs.length}`,
      ms(middle(run => run.latency.p50)),
      `${ms(middle(run => run.latency.p99))} (${runs.map(run => ms(run.latency.p99)).join(', ')})`,
      ms(middle(run => run.p99Sustained)),
      `${total(count => count.lost)} lost, ${total(count => count.duplicates)} duplicate`,
      (middle(run => run.cpuPer1000) ?? 0).toFixed(3),
      Math.round(middle(run => run.rssMb) ?? 0),
      load().toFixed(1),
    );
  }
}

async function measureGateway(broker: BrokerKind, options: Options, report: Report): Promise<void> {
  const stage = await openStage({ broker, database: 'own' });
  try {
    const { gateway, rows } = stage;
    await measureAll(`Fieldline, ${broker} broker`, options, report, gateway.mqtt, rows, gateway.usage, WARM_UP);
  } finally {
    await stage.close();
  }
}

async function measureStock(options: Options, report: Report): Promise<void> {
  if (mosquittoProgram() === undefined) return report.note('Mosquitto is not installed: no stock flow.');
  const broker = await startMosquitto();
  const postgres = await startSteady();
  try {
    const stock = await startStock(broker.url, postgres.url);
    const rows = openRows(postgres.url);
    await measureAll('stock Node-RED, Mosquitto', options, report, broker.url, rows, stock.usage, STOCK_WARM_UP);
    await rows.close();
    await stock.stop();
  } catch (error) {
    report.note(`No stock flow: ${(error as Error).message}.`);
  } finally {
    await postgres.stop();
    await broker.stop();
  }
}

export const ingest: Figure = {
  says: 'sustained messages per second and time to commit, beside a stock Node-RED flow',
  defaults: { rates: [1000, 2000, 5000, 10_000, 20_000] },
  async run(options, report) {
    const brokers = brokersOf(options.broker, report);
    report.table('MQTT QoS 1 to committed row, 250 B, 100 devices', [
      ...['system', 'offered/s', 'committed/s', `held (tail ≤ ${TAIL_MS} ms)`, 'p50 ms', 'p99 ms (runs)'],
      ...[`p99 ms after ${START_MS} ms`, 'exact', 'CPU s per 1,000', 'RSS MB', 'load'],
    ]);
    for (const broker of brokers) await measureGateway(broker, options, report);
    if (options.stock)
      await measureStock({ ...options, rates: options.rates.filter(rate => rate <= STOCK_LIMIT) }, report);
    report.note(
      'CPU and memory are of the gateway process, medians of the runs; the broker has a process of its own, embedded or not.',
    );
  },
};
