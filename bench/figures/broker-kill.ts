// broker-kill: the embedded broker with its subscriber away and back; what it acknowledged meanwhile arrives, also through kill -9.
import { setTimeout as wait } from 'node:timers/promises';
import type { FlowNode } from '../gateway.ts';
import { type Figure, ms } from '../figure.ts';
import { startLoad } from '../load.ts';
import { load } from '../machine.ts';
import { verdict } from '../rows.ts';
import { openStage } from '../stage.ts';

const AWAY_MS = 3000;

const offline = (flows: FlowNode[]) =>
  flows.map(node => (node.type === 'fieldline-mqtt-ingest' ? { ...node, d: true } : node));
const online = (flows: FlowNode[]) => flows.map(({ d, ...node }) => node as FlowNode);

export const brokerKill: Figure = {
  says: 'embedded broker: subscriber offline and online under load, with kill -9 while it is offline',
  defaults: { rates: [5000], seconds: 15, runs: 5 },
  async run({ runs, rates, seconds, database }, report) {
    report.table(`subscriber switched off for ${AWAY_MS} ms in the flow`, [
      ...['broker killed', 'rate/s', 'published', 'rows', 'exact', 'PUBACK p99 ms', 'caught up after ms', 'load'],
    ]);
    const stage = await openStage({ broker: 'embedded', database });
    const { gateway, rows } = stage;
    try {
      for (const rate of rates)
        for (const killed of [false, true])
          for (let n = 0; n < runs; n++) {
            const publishing = startLoad({
              url: gateway.mqtt,
              rate,
              seconds,
              range: { prefix: `b${rate}${killed ? 'k' : 'a'}${n}` },
            });
            await publishing.acknowledged((rate * seconds) / 4);
            await gateway.deploy('nodes', offline);
            await wait(AWAY_MS);
            if (killed) {
              await gateway.end('SIGKILL');
              await gateway.start();
            }
            await gateway.deploy('nodes', online);
            const back = Date.now();
            const { range, waitMs } = await publishing.complete(60_000);
            const count = await rows.settled(range, 60_000);
            const caughtUp = database === 'own' ? (await rows.span(range, back)).lastCommit - back : Number.NaN;
            report.row(
              ...[killed ? 'yes' : 'no', rate, range.next - range.first, count.stored, verdict(count)],
              ...[ms(waitMs.p99), ms(caughtUp), load().toFixed(1)],
            );
          }
    } finally {
      await stage.close();
    }
  },
};
