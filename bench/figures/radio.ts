// radio: recovery after every fault of adapter, link and process; what a scanner and a flow cost; how fast decoders are.
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import bleGattNode from '../../nodes/ble-gatt/ble-gatt.ts';
import { radioTimes } from '../../src/radio/child-messages.ts';
import type { Raw } from '../../src/reading/raw.ts';
import { type Fault, faults } from '../../test/radio/faults.ts';
import { nobleIsHere } from '../../test/radio/noble-here.ts';
import { METER, type World, world } from '../../test/radio/world.ts';
import { throughTheWorst } from '../../test/radio/worst-account.ts';
import { testRuntime } from '../../test/support/node-red.ts';
import { startPostgres } from '../../test/support/postgres.ts';
import { draws } from '../anomaly/random.ts';
import { type Figure, ms, type Options, type Report } from '../figure.ts';
import { type FlowNode, makeGateway } from '../gateway.ts';
import { load, median, percentile } from '../machine.ts';
import { childrenOf, type Cost, costOf, decoderRates, openAir, scannerCost } from '../radio-load.ts';

const killed = (['SIGKILL', 'SIGSEGV', 'SIGSTOP'] as const).map(
  (signal): Fault => [
    `the process gets ${signal}`,
    ({ radio: { pid } }) => {
      // Between two processes there is none.
      if (pid !== undefined) process.kill(pid, signal);
    },
  ],
);
/** What was on its way when the fault struck does not count as recovered. */
const ON_ITS_WAY_MS = 60;

const PARTS: Readonly<Record<string, (options: Options, report: Report) => Promise<void>>> = {
  recovery: recoveries,
  pairs,
  decoders,
  scanner,
  flow,
  shipped,
  latency,
  worst,
};
/** Between the two of a pair, at most: the second often meets a radio that still comes back from the first. */
const GAP_MS = 3000;
const PAIRS_AT_ONCE = 4;
const SLOWEST_SHOWN = 5;
/** Adverts a second while everything goes wrong. */
const WORST_RATE = 500;
/** Ten minutes of rotating addresses, where the whole is asked for. */
const WHOLE_SECONDS = 600;
const FLOW = [
  { id: 'r-tab', type: 'tab', label: 'radio' },
  { id: 'r-scan', type: 'fieldline-ble-scan', emit: 'batches', wires: [['r-decode']] },
  { id: 'r-decode', type: 'fieldline-advert-decode', wires: [['r-dedup'], []] },
  { id: 'r-dedup', type: 'fieldline-dedup', by: 'device', wires: [[], []] },
];

export const radio: Figure = {
  says: 'recovery of the real noble on an emulated controller, fault by fault; load of adverts (--only recovery,pairs,decoders,scanner,flow,shipped,latency,worst)',
  defaults: { runs: 3, seconds: 30, rates: [200, 10_000] },
  async run(options, report) {
    if (!nobleIsHere) return report.note('Not measured: @abandonware/noble is not installed.');
    for (const [name, part] of Object.entries(PARTS))
      if (options.only.length === 0 || options.only.includes(name)) await part(options, report);
  },
};

async function recoveries({ runs }: Options, report: Report): Promise<void> {
  report.table('From the fault to the next one that comes through, ms', [
    'fault',
    'measurement',
    'slowest',
    'advert',
    'slowest',
  ]);
  for (const fault of [...faults, ...killed]) {
    const measured: number[] = [];
    const heard: number[] = [];
    for (let run = 0; run < runs; run++) {
      const scene = await world({ times: radioTimes });
      try {
        await Promise.all([scene.measured(), scene.heard()]);
        const took = await recovery(scene, fault);
        measured.push(took.measured);
        heard.push(took.heard);
      } finally {
        await scene.close();
      }
    }
    report.row(fault[0], ms(median(measured)), ms(Math.max(...measured)), ms(median(heard)), ms(Math.max(...heard)));
  }
}

/** Two faults, the second at a random moment after the first; counted from the second. */
async function pairs({ seed, runs }: Options, report: Report): Promise<void> {
  const all: readonly Fault[] = [...faults, ...killed];
  const random = draws(seed).uniform;
  const one = (): Fault => all[Math.floor(random() * all.length)]!;
  const left = Array.from({ length: runs * all.length }, () => [one(), one(), random() * GAP_MS] as const);
  const taken: { names: string; gap: number; ms: number }[] = [];
  await Promise.all(
    Array.from({ length: PAIRS_AT_ONCE }, async () => {
      for (let pair = left.pop(); pair !== undefined; pair = left.pop()) {
        const [first, second, gap] = pair;
        const scene = await world({ times: radioTimes, extended: left.length % 2 === 1 });
        try {
          await Promise.all([scene.measured(), scene.heard()]);
          await first[1](scene);
          await wait(gap);
          const { measured, heard } = await recovery(scene, second);
          taken.push({ names: `${first[0]}, then ${second[0]}`, gap, ms: Math.max(measured, heard) });
        } finally {
          await scene.close();
        }
      }
    }),
  );
  taken.sort((a, b) => b.ms - a.ms);
  report.table(`The slowest of ${taken.length} pairs of faults, from the second until both come through again, ms`, [
    ...['faults', 'between them', 'back after'],
  ]);
  for (const { names, gap, ms: after } of taken.slice(0, SLOWEST_SHOWN)) report.row(names, ms(gap), ms(after));
  report.note(
    `Half of them were back after ${ms(median(taken.map(pair => pair.ms)))} ms. Load average ${load().toFixed(1)}.`,
  );
}

async function decoders({ short }: Options, report: Report): Promise<void> {
  report.table('Decoders alone, adverts a second on one core', ['adverts', 'a second', 'load']);
  const { plain, encrypted } = await decoderRates(short ? 1 : 5);
  report.row('plain', Math.round(plain), load().toFixed(1));
  report.row('encrypted', Math.round(encrypted), load().toFixed(1));
}

const secondsOf = ({ seconds, full, short }: Options): number => (full ? WHOLE_SECONDS : short ? 10 : seconds);
const COST = ['adverts a second', 'MB early', 'MB at most', '% of a core', 'load'] as const;
const cells = ({ rate, early, most, cpu }: Cost): string[] =>
  [rate, early, most, cpu].map(value => value.toFixed(0)).concat(load().toFixed(1));

async function scanner(options: Options, report: Report): Promise<void> {
  report.table('fieldline scan, its two processes together; addresses rotate', COST);
  for (const rate of options.rates) report.row(...cells(await scannerCost(rate, secondsOf(options))));
}

/** The gateway without its database's processes: Node-RED and the Bluetooth process. */
async function flow(options: Options, report: Report): Promise<void> {
  report.table('Scan, decode and dedup in Node-RED, with the Bluetooth process; addresses rotate', COST);
  for (const rate of options.rates) report.row(...cells(await flowCost(rate, secondsOf(options), placed)));
}

async function shipped(options: Options, report: Report): Promise<void> {
  report.table('The flow bt-mqtt-scanner.json in Node-RED, with the Bluetooth process; addresses rotate', COST);
  const nodes = JSON.parse(
    readFileSync(new URL('../../flows/bt-mqtt-scanner.json', import.meta.url), 'utf8'),
  ) as FlowNode[];
  const on = (adapter: string): FlowNode[] =>
    nodes.map(node => (node.type === 'fieldline-ble-scan' ? { ...node, adapter } : node));
  for (const rate of options.rates) report.row(...cells(await flowCost(rate, secondsOf(options), on)));
}

async function flowCost(rate: number, seconds: number, nodesOn: (adapter: string) => FlowNode[]): Promise<Cost> {
  const air = await openAir(rate);
  const gateway = await makeGateway();
  try {
    await gateway.start(120_000);
    await gateway.deploy('full', () => nodesOn(`tcp://127.0.0.1:${air.port}`));
    const isRadio = (pid: number): boolean => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('radio/child');
    const pids = (): number[] => [gateway.pid, ...childrenOf(gateway.pid).filter(isRadio)];
    while (pids().length < 2) await wait(50);
    return await costOf(pids, air, seconds);
  } finally {
    await gateway.remove();
    air.close();
  }
}

function placed(adapter: string): FlowNode[] {
  return FLOW.map((node, at) => ({ ...node, adapter, x: 120 + 160 * at, y: 80, z: 'r-tab' })).map(node =>
    node.type === 'tab' ? { id: node.id, type: node.type, label: 'radio' } : node,
  );
}

/** Every fault of a radio at random moments, and what became of each advert and measurement that was sent meanwhile. */
async function worst(options: Options, report: Report): Promise<void> {
  report.table('Everything that goes wrong with a radio, at random; what was sent, and what became of it', [
    ...['seed', 'seconds', 'faults', 'adverts', 'of them stored', 'dropped with a reason'],
    ...['measurements', 'of them stored', 'unaccounted'],
  ]);
  const postgres = await startPostgres();
  try {
    const seconds = secondsOf(options);
    for (let run = 0; run < (options.full ? 1 : options.runs); run++) {
      const seed = options.seed + run;
      const databaseUrl = await postgres.database(`worst_${seed}`);
      const { adverts, frames, struck } = await throughTheWorst({ seed, rate: WORST_RATE, seconds, databaseUrl });
      const strikes = Object.values(struck).reduce((sum, count) => sum + count, 0);
      const unaccounted = [adverts, frames].reduce(
        (sum, one) =>
          sum + Math.abs(one.missing - one.counted) + one.strange.length + Math.abs(one.readable - one.read),
        0,
      );
      report.row(
        ...[seed, seconds, strikes, adverts.sent, adverts.sent - adverts.missing, adverts.counted],
        ...[frames.sent, frames.sent - frames.missing, unaccounted],
      );
      report.note(
        `Seed ${seed}: ${Object.entries(struck)
          .map(([name, count]) => `${name} ${count}`)
          .join(', ')}.`,
      );
    }
  } finally {
    await postgres.stop();
  }
}

/** From the button of the meter to the output of ble-gatt in a running Node-RED: the moment is in the measurement itself. */
async function latency({ short }: Options, report: Report): Promise<void> {
  report.table('From the frame of a laser meter to the node behind ble-gatt, ms', ['frames', 'p50', 'p99', 'load']);
  const air = await openAir(200);
  const runtime = await testRuntime();
  runtime.register(bleGattNode);
  const waits: number[] = [];
  runtime.onSink('frames', ({ payload }, _send, done) => {
    const { bytes } = payload as Raw;
    if (bytes.length === 20) {
      const metres = new DataView(bytes.buffer, bytes.byteOffset).getFloat32(7, true);
      const sentAt = Math.round((metres - 1) * 100_000) - 1;
      waits.push((Date.now() - sentAt + 100_000) % 100_000);
    }
    done();
  });
  const adapter = `tcp://127.0.0.1:${air.port}`;
  await runtime.deploy([
    { id: 'gatt', type: 'fieldline-ble-gatt', adapter, address: METER, wires: [['frames'], [], []] },
    { id: 'frames', type: 'test-sink' },
  ]);
  const wanted = short ? 100 : 1000;
  while (waits.length < wanted) {
    air.press();
    await wait(15);
  }
  report.row(waits.length, ms(percentile(waits, 0.5)), ms(percentile(waits, 0.99)), load().toFixed(1));
  await runtime.deploy([]);
  air.close();
}

async function recovery(scene: World, [, strike]: Fault): Promise<{ measured: number; heard: number }> {
  const began = performance.now();
  await strike(scene);
  await wait(ON_ITS_WAY_MS);
  const since = async (done: Promise<void>): Promise<number> => {
    await done;
    return performance.now() - began;
  };
  const [measured, heard] = await Promise.all([since(scene.measured()), since(scene.heard())]);
  return { measured, heard };
}
