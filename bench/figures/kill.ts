// kill: the gateway ended by SIGKILL under load and started again on the same directory; broker and subscriber go with it.
import { setTimeout as wait } from 'node:timers/promises';
import { type Figure, ms, type Report } from '../figure.ts';
import { startLoad } from '../load.ts';
import { load } from '../machine.ts';
import { verdict } from '../rows.ts';
import { brokersOf, openStage, type Stage } from '../stage.ts';

const DOWN_MS = 1000;

async function killOnce(
  stage: Stage,
  prefix: string,
  rate: number,
  seconds: number,
  report: Report,
  broker: string,
): Promise<void> {
  const { gateway, rows } = stage;
  const publishing = startLoad({ url: gateway.mqtt, rate, seconds, range: { prefix } });
  await publishing.acknowledged((rate * seconds) / 2);
  await gateway.end('SIGKILL');
  await wait(DOWN_MS);
  const readyMs = await gateway.start();
  const { range, reconnects, unacknowledged } = await publishing.complete(60_000);
  const count = await rows.settled(range, 60_000);
  report.row(
    ...[broker, rate, range.next - range.first, unacknowledged.length, reconnects, ms(readyMs)],
    ...[count.stored, verdict(count), load().toFixed(1)],
  );
}

export const kill: Figure = {
  says: 'kill -9 of the gateway under load, and a restart: published = committed',
  defaults: { seconds: 10 },
  async run({ runs, rates, seconds, broker, database }, report) {
    report.table(`kill -9 at half time, started again ${DOWN_MS} ms later`, [
      ...[
        'broker',
        'rate/s',
        'published',
        'never acknowledged',
        'reconnects',
        'ready again ms',
        'rows',
        'exact',
        'load',
      ],
    ]);
    for (const kind of brokersOf(broker)) {
      const stage = await openStage({ broker: kind, database });
      if (stage === undefined) continue;
      try {
        for (const rate of rates)
          for (let n = 0; n < runs; n++) await killOnce(stage, `k${rate}n${n}`, rate, seconds, report, kind);
      } finally {
        await stage.close();
      }
    }
  },
};
