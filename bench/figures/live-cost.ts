// live-cost: what the live server adds to the CPU of ingest while no client is connected; the same load with and without ws-broadcast in the flow.
import type { Figure, Options, Report } from '../figure.ts';
import type { FlowNode } from '../gateway.ts';
import { startLoad } from '../load.ts';
import { load, median } from '../machine.ts';
import { openStage, type Stage } from '../stage.ts';

const WARM_UP = { rate: 1000, seconds: 3 };
const BROADCAST = 'fieldline-ws-broadcast';

/** The nodes before a ws-broadcast are wired to the nodes behind it. */
function without(flows: FlowNode[]): FlowNode[] {
  const behind = new Map(
    flows.filter(({ type }) => type === BROADCAST).map(({ id, wires }) => [id, (wires as string[][]).flat()]),
  );
  return flows.flatMap(node => {
    if (behind.has(node.id)) return [];
    const wires = node['wires'] as string[][] | undefined;
    return [{ ...node, ...(wires && { wires: wires.map(ids => ids.flatMap(id => behind.get(id) ?? [id])) }) }];
  });
}

/** CPU seconds of the gateway for 1,000 messages. */
async function cost({ gateway, rows }: Stage, prefix: string, rate: number, seconds: number): Promise<number> {
  const before = gateway.usage().cpuSeconds;
  const { range } = await startLoad({ url: gateway.mqtt, rate, seconds, range: { prefix } }).complete(120_000);
  await rows.settled(range, 120_000);
  return ((gateway.usage().cpuSeconds - before) * 1000) / (range.next - range.first);
}

async function measure(rate: number, { runs, seconds }: Options, report: Report): Promise<void> {
  const stage = await openStage({ broker: 'embedded', database: 'own' });
  try {
    const whole = await stage.gateway.flows();
    const costs: { with: number[]; without: number[] } = { with: [], without: [] };
    await startLoad({ url: stage.gateway.mqtt, ...WARM_UP, range: { prefix: 'warm' } }).complete();
    // One beside the other, so that what else the machine does meets both.
    for (let run = 0; run < runs; run++)
      for (const kind of ['with', 'without'] as const) {
        await stage.gateway.deploy('full', () => (kind === 'with' ? whole : without(whole)));
        await startLoad({ url: stage.gateway.mqtt, ...WARM_UP, range: { prefix: `w${kind}${run}` } }).complete();
        costs[kind].push(await cost(stage, `${kind}${run}`, rate, seconds));
      }
    const [live = Number.NaN, bare = Number.NaN] = [median(costs.with), median(costs.without)];
    const added = `${(((live - bare) / bare) * 100).toFixed(1)} %`;
    report.row(rate, live.toFixed(3), bare.toFixed(3), added, '≤ 10 %', load().toFixed(1));
  } finally {
    await stage.close();
  }
}

export const liveCost: Figure = {
  says: 'what the live server adds to the CPU of ingest while no client is connected',
  defaults: { rates: [5000], seconds: 8, runs: 3 },
  async run(options, report) {
    report.table('ingest with and without ws-broadcast, no client', [
      ...['messages/s', 'CPU s per 1,000 with', 'without', 'added', 'wanted', 'load'],
    ]);
    for (const rate of options.rates) await measure(rate, options, report);
  },
};
