// http: POST /api/ingest in the shipped flow: time to the answer after the commit, a fleet of gateways for a while, and what a refusal costs (--only single, fleet, refusals; --full: six hours of the fleet).
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Figure, ms, type Report } from '../figure.ts';
import { type Gateway, makeGateway } from '../gateway.ts';
import { type BareServer, startBareServer } from '../http-bare.ts';
import { type Posts, postAt, postInTurn } from '../http-load.ts';
import { load, percentile } from '../machine.ts';
import { createKey } from '../../src/api/keys.ts';
import { openStore } from '../../src/store/store.ts';
import { startPostgres } from '../../test/support/postgres.ts';

/** A limit that no run reaches. */
const UNLIMITED = 60_000;
const REFUSALS = 2000;
/** An hour of a fleet in a minute. */
const SCALE = 60;
const STEPS = 6;
/** Gateway and bare server take turns of this length, so that whatever else the machine does meets both. */
const TURN_SECONDS = 2;

const reading = (device: number, n: number) => ({
  ...{ device_id: `bench-${device}`, timestamp: new Date().toISOString() },
  ...{ flow_rate: 40 + (n % 17) / 10, totalizer: 1000 + n, temperature: 18.5, status: 1 },
});

const answersOf = ({ statuses }: Posts): string =>
  [...statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, count]) => `${count} × ${status}`)
    .join(', ');

/** The gateway and, in turns with it, a server that does the least that such an answer takes. */
async function single(gateway: Gateway, bare: BareServer, key: string, rate: number, seconds: number, report: Report) {
  const make = (n: number) => ({ key, body: JSON.stringify(reading(n % 100, n)) });
  const url = `${gateway.url}/api/ingest`;
  await postAt(url, rate, 5, make);
  await postAt(bare.url, rate, 1, make);
  const sums = { gateway: noPosts(), bare: noPosts() };
  let cpuSeconds = 0;
  for (let at = 0; at < seconds; at += TURN_SECONDS) {
    const before = gateway.usage().cpuSeconds;
    add(sums.gateway, await postAt(url, rate, TURN_SECONDS, make));
    cpuSeconds += gateway.usage().cpuSeconds - before;
    add(sums.bare, await postAt(bare.url, rate, TURN_SECONDS, make));
  }
  for (const [who, posts] of Object.entries(sums)) {
    const at = (p: number) => ms(percentile(posts.latencies, p));
    const cpu = who === 'gateway' ? ((cpuSeconds * 1000) / posts.latencies.length).toFixed(2) : '–';
    report.row(who, rate, seconds, answersOf(posts), at(0.5), at(0.9), at(0.99), at(1), cpu, load().toFixed(1));
  }
}

type Sum = { latencies: number[]; statuses: Map<number, number> };
const noPosts = (): Sum => ({ latencies: [], statuses: new Map() });

function add(sum: Sum, { latencies, statuses }: Posts): void {
  sum.latencies.push(...latencies);
  for (const [status, count] of statuses) sum.statuses.set(status, (sum.statuses.get(status) ?? 0) + count);
}

/** Megabytes on the heap and beside it, after all garbage was collected. */
async function heapAfterGc({ pid, directory }: Gateway): Promise<number> {
  const file = path.join(directory, 'heap.json');
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  while (!existsSync(file)) await wait(50);
  const { heapUsed, external } = JSON.parse(readFileSync(file, 'utf8')) as NodeJS.MemoryUsage;
  return (heapUsed + external) / 2 ** 20;
}

/** Gateways that post five readings at a time; each step of `seconds` tells of memory at its end. */
async function fleet(gateway: Gateway, key: string, perHour: number, seconds: number, report: Report): Promise<void> {
  const devices = perHour / 60;
  const rate = (perHour / 3600 / 5) * SCALE;
  const url = `${gateway.url}/api/ingest`;
  for (let step = 1; step <= STEPS; step++) {
    const before = gateway.usage();
    const posts = await postAt(url, rate, seconds, n => ({
      key,
      body: JSON.stringify(Array.from({ length: 5 }, (_, at) => reading((n * 5 + at) % devices, n))),
    }));
    const after = gateway.usage();
    const readings = posts.latencies.length * 5;
    const cpu = ((after.cpuSeconds - before.cpuSeconds) * 1000) / readings;
    report.row(
      ...[perHour, devices, Math.round((seconds * step * SCALE) / 60), answersOf(posts)],
      ...[ms(percentile(posts.latencies, 0.99)), cpu.toFixed(3)],
      ...[(await heapAfterGc(gateway)).toFixed(1), Math.round(after.rssMb), load().toFixed(1)],
    );
  }
}

async function refusals(gateway: Gateway, what: string, url: string, key: string, report: Report): Promise<void> {
  await postInTurn(url, 200, { key, body: JSON.stringify(reading(1, 1)) });
  const before = gateway.usage();
  const posts = await postInTurn(url, REFUSALS, { key, body: JSON.stringify(reading(1, 1)) });
  const cpu = ((gateway.usage().cpuSeconds - before.cpuSeconds) * 1000) / REFUSALS;
  const at = (p: number) => percentile(posts.latencies, p).toFixed(2);
  report.row(what, answersOf(posts), at(0.5), at(0.99), cpu.toFixed(2), load().toFixed(1));
}

export const httpFigure: Figure = {
  says: 'POST /api/ingest: time to the answer after the commit, a fleet for a while, the cost of a refusal',
  defaults: { rates: [200], seconds: 60, runs: 3 },
  async run({ rates, seconds, runs, full, only }, report) {
    const wanted = (part: string) => only.length === 0 || only.includes(part);
    const postgres = await startPostgres();
    const gateway = await makeGateway({
      databaseUrl: postgres.url,
      preload: new URL('../heap-probe.ts', import.meta.url),
    });
    const bare = await startBareServer(postgres.url);
    try {
      await gateway.start();
      const store = openStore({ url: postgres.url, connections: 1 });
      const { key } = await createKey(store.query, { name: 'bench', kind: 'app', limitPerMinute: UNLIMITED });
      const slow = await createKey(store.query, { name: 'slow', limitPerMinute: 1 });
      await store.close();
      const url = `${gateway.url}/api/ingest`;

      if (wanted('single')) {
        report.table(
          'one reading a request, shipped flow: archive, dedup, anomaly, row, push; beside it a bare server',
          [
            ...['server', 'requests/s', 'seconds', 'answers', 'p50 ms', 'p90 ms', 'p99 ms', 'max ms'],
            ...['CPU ms each', 'load'],
          ],
        );
        for (const rate of rates)
          for (let run = 0; run < runs; run++) await single(gateway, bare, key, rate, Math.min(20, seconds), report);
      }

      if (wanted('fleet')) {
        report.table(`a fleet, an hour in a minute (× ${SCALE}), five readings a request`, [
          ...[
            'readings/h',
            'devices',
            'minute',
            'answers',
            'p99 ms',
            'CPU ms per reading',
            'heap MB after GC',
            'RSS MB',
            'load',
          ],
        ]);
        for (const perHour of [6000, 60_000])
          await fleet(gateway, key, perHour, full ? seconds : seconds / STEPS, report);
      }

      if (!wanted('refusals')) return;
      report.table(`refusals, one after the other over one connection, ${REFUSALS} each`, [
        ...['what', 'answers', 'p50 ms', 'p99 ms', 'CPU ms each', 'load'],
      ]);
      await refusals(gateway, 'key over its limit', url, slow.key, report);
      await refusals(gateway, 'wrong key', url, 'wrong', report);
      await gateway.deploy('full', flows =>
        flows.map(node => {
          const waits = ['fieldline-timescale-out', 'fieldline-raw-archive'].includes(node.type);
          if (node.type === 'fieldline-http-ingest') return { ...node, answerSeconds: 0.5 };
          return waits ? { ...node, policy: 'memory' } : node;
        }),
      );
      await postInTurn(url, 1, { key, body: JSON.stringify(reading(1, 1)) });
      await postgres.terminate();
      await postInTurn(url, 2, { key, body: JSON.stringify(reading(2, 2)) });
      await refusals(gateway, 'database away, links wait in memory', url, key, report);
      report.note(
        'CPU is that of the gateway process. The client shares the machine, and the event loop that measures.',
      );
    } finally {
      await bare.close();
      await gateway.remove();
      await postgres.stop();
    }
  },
};
