// radio: recovery after every fault of adapter, link and process; what a scanner and a flow cost; how fast decoders are.
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { radioTimes } from '../../src/radio/child-messages.ts';
import { gattSession } from '../../src/radio/session.ts';
import { sharedRadio } from '../../src/radio/shared-adapters.ts';
import { after } from '../../src/radio/timing.ts';
import { type Fault, faults } from '../../test/radio/faults.ts';
import { nobleIsHere } from '../../test/radio/noble-here.ts';
import { GLM, METER, type World, world } from '../../test/radio/world.ts';
import { type Figure, ms, type Options, type Report } from '../figure.ts';
import { type FlowNode, makeGateway } from '../gateway.ts';
import { load, median, percentile } from '../machine.ts';
import { childrenOf, type Cost, costOf, decoderRates, openAir, scannerCost } from '../radio-load.ts';

const killed = (['SIGKILL', 'SIGSEGV', 'SIGSTOP'] as const).map(
  (signal): Fault => [`the process gets ${signal}`, ({ radio }) => process.kill(radio.pid!, signal)],
);
/** What was on its way when the fault struck does not count as recovered. */
const ON_ITS_WAY_MS = 60;

const PARTS: Readonly<Record<string, (options: Options, report: Report) => Promise<void>>> = {
  recovery: recoveries,
  decoders,
  scanner,
  flow,
  shipped,
  latency,
};
/** Ten minutes of rotating addresses, where the whole is asked for. */
const WHOLE_SECONDS = 600;
const FLOW = [
  { id: 'r-tab', type: 'tab', label: 'radio' },
  { id: 'r-scan', type: 'fieldline-ble-scan', emit: 'batches', wires: [['r-decode']] },
  { id: 'r-decode', type: 'fieldline-advert-decode', wires: [['r-dedup'], []] },
  { id: 'r-dedup', type: 'fieldline-dedup', by: 'device', wires: [[], []] },
];

export const radio: Figure = {
  says: 'recovery of the real noble on an emulated controller, fault by fault; load of adverts (--only recovery,decoders,scanner,flow,shipped,latency)',
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

/** From the button of the meter to the flow: the moment is in the measurement itself. */
async function latency({ short }: Options, report: Report): Promise<void> {
  report.table('From the frame of a laser meter to the session that takes it, ms', ['frames', 'p50', 'p99', 'load']);
  const air = await openAir(200);
  const device = sharedRadio({ host: '127.0.0.1', port: air.port }, false);
  const waits: number[] = [];
  const session = gattSession({
    radio: device,
    address: METER,
    ...GLM,
    onData(bytes) {
      if (bytes.length !== 20) return;
      const metres = new DataView(bytes.buffer, bytes.byteOffset).getFloat32(7, true);
      const sentAt = Math.round((metres - 1) * 100_000) - 1;
      waits.push((Date.now() - sentAt + 100_000) % 100_000);
    },
    onLink() {},
    after,
  });
  device.scan(() => {});
  const wanted = short ? 100 : 1000;
  while (waits.length < wanted) {
    air.press();
    await wait(15);
  }
  report.row(waits.length, ms(percentile(waits, 0.5)), ms(percentile(waits, 0.99)), load().toFixed(1));
  await session.close();
  await device.close();
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
