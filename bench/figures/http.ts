// http: POST /api/ingest in the shipped flow: time to the answer after the commit, a fleet of gateways for a while, and what a refusal costs.
import { type Figure, ms, type Report } from '../figure.ts';
import { type Gateway, makeGateway } from '../gateway.ts';
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

const reading = (device: number, n: number) => ({
  ...{ device_id: `bench-${device}`, timestamp: new Date().toISOString() },
  ...{ flow_rate: 40 + (n % 17) / 10, totalizer: 1000 + n, temperature: 18.5, status: 1 },
});

const answersOf = ({ statuses }: Posts): string =>
  [...statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, count]) => `${count} × ${status}`)
    .join(', ');

async function single(url: string, key: string, rate: number, seconds: number, report: Report): Promise<void> {
  await postAt(url, rate, 3, n => ({ key, body: JSON.stringify(reading(n % 100, n)) }));
  const posts = await postAt(url, rate, seconds, n => ({ key, body: JSON.stringify(reading(n % 100, n)) }));
  const at = (p: number) => ms(percentile(posts.latencies, p));
  report.row(rate, seconds, answersOf(posts), at(0.5), at(0.99), at(1), load().toFixed(1));
}

/** Gateways that post five readings at a time; each step tells of memory at its end. */
async function fleet(gateway: Gateway, key: string, perHour: number, seconds: number, report: Report): Promise<void> {
  const devices = perHour / 60;
  const rate = (perHour / 3600 / 5) * SCALE;
  const url = `${gateway.url}/api/ingest`;
  for (let step = 1; step <= STEPS; step++) {
    const before = gateway.usage();
    const posts = await postAt(url, rate, seconds / STEPS, n => ({
      key,
      body: JSON.stringify(Array.from({ length: 5 }, (_, at) => reading((n * 5 + at) % devices, n))),
    }));
    const after = gateway.usage();
    const readings = posts.latencies.length * 5;
    const cpu = ((after.cpuSeconds - before.cpuSeconds) * 1000) / readings;
    report.row(
      ...[perHour, devices, Math.round((seconds / STEPS) * step), answersOf(posts)],
      ...[ms(percentile(posts.latencies, 0.99)), cpu.toFixed(3), Math.round(after.rssMb), load().toFixed(1)],
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
  async run({ rates, seconds, runs }, report) {
    const postgres = await startPostgres();
    const gateway = await makeGateway({ databaseUrl: postgres.url });
    try {
      await gateway.start();
      const store = openStore({ url: postgres.url, connections: 1 });
      const { key } = await createKey(store.query, { name: 'bench', kind: 'app', limitPerMinute: UNLIMITED });
      const slow = await createKey(store.query, { name: 'slow', limitPerMinute: 1 });
      await store.close();
      const url = `${gateway.url}/api/ingest`;

      report.table('one reading a request, shipped flow: archive, dedup, anomaly, row, push', [
        ...['requests/s', 'seconds', 'answers', 'p50 ms', 'p99 ms', 'max ms', 'load'],
      ]);
      for (const rate of rates)
        for (let run = 0; run < runs; run++) await single(url, key, rate, Math.min(20, seconds), report);

      report.table(`a fleet, an hour in a minute (× ${SCALE}), five readings a request`, [
        ...['readings/h', 'devices', 'second', 'answers', 'p99 ms', 'CPU ms per reading', 'RSS MB', 'load'],
      ]);
      for (const perHour of [6000, 60_000]) await fleet(gateway, key, perHour, seconds, report);

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
      await gateway.remove();
      await postgres.stop();
    }
  },
};
