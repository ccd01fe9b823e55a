// deploy: the running flow deployed again and again under load, each time with another node changed.
import { setTimeout as wait } from 'node:timers/promises';
import { type Figure, ms } from '../figure.ts';
import { type DeployType, touching } from '../gateway.ts';
import { startLoad } from '../load.ts';
import { load, median } from '../machine.ts';
import { verdict } from '../rows.ts';
import { brokersOf, openStage } from '../stage.ts';

const DEPLOYS = 20;
const APART_MS = 400;
const types: readonly DeployType[] = ['full', 'flows', 'nodes'];
/** Nodes on the way of the messages, changed in turn. */
const nodes = [
  'mqtt-ingest',
  'raw-archive',
  'normalize',
  'dedup',
  'anomaly',
  'timescale-out',
  'ws-broadcast',
  'timescale-db',
];

export const deploy: Figure = {
  says: `${DEPLOYS} deploys of each type under load: nothing lost, nothing twice`,
  defaults: { rates: [1000], runs: 1 },
  async run({ runs, rates, broker, database }, report) {
    const kinds = brokersOf(broker, report);
    report.table(`${DEPLOYS} deploys, ${APART_MS} ms apart`, [
      ...['broker', 'rate/s', 'deploy', 'published', 'rows', 'exact', 'deploy ms', 'p99 ms', 'load'],
    ]);
    for (const kind of kinds) {
      const stage = await openStage({ broker: kind, database });
      const { gateway, rows } = stage;
      try {
        for (const rate of rates)
          for (const type of types)
            for (let n = 0; n < runs; n++) {
              const publishing = startLoad({ url: gateway.mqtt, rate, range: { prefix: `d${rate}${type}${n}` } });
              await publishing.acknowledged(rate);
              const took: number[] = [];
              for (let i = 0; i < DEPLOYS; i++) {
                took.push(await gateway.deploy(type, touching(`fieldline-${nodes[i % nodes.length]}`)));
                await wait(APART_MS);
              }
              const { range } = await publishing.finish();
              const count = await rows.settled(range);
              const latency = database === 'own' ? await rows.latency(range) : undefined;
              report.row(
                ...[kind, rate, type, range.next - range.first, count.stored, verdict(count)],
                ...[ms(median(took)), ms(latency?.p99), load().toFixed(1)],
              );
            }
      } finally {
        await stage.close();
      }
    }
  },
};
