// outage: PostgreSQL stopped under load and started again; the gateway lives on and catches up.
import { setTimeout as wait } from 'node:timers/promises';
import { type Figure, ms } from '../figure.ts';
import { startLoad } from '../load.ts';
import { load } from '../machine.ts';
import { verdict } from '../rows.ts';
import { brokersOf, openStage } from '../stage.ts';

const DOWN_MS = 10_000;
const BEFORE_SECONDS = 5;

export const outage: Figure = {
  says: `PostgreSQL stopped for ${DOWN_MS / 1000} s under load: nothing lost, and how soon it has caught up`,
  defaults: { runs: 3, seconds: 25 },
  async run({ runs, rates, seconds, broker }, report) {
    const kinds = brokersOf(broker, report);
    report.table(`PostgreSQL stopped (immediate) for ${DOWN_MS / 1000} s after ${BEFORE_SECONDS} s`, [
      ...[
        'broker',
        'rate/s',
        'published',
        'rows',
        'exact',
        'same process',
        'caught up after ms',
        'RSS peak MB',
        'load',
      ],
    ]);
    for (const kind of kinds) {
      const stage = await openStage({ broker: kind, database: 'own' });
      const { gateway, rows, postgres } = stage;
      try {
        for (const rate of rates)
          for (let n = 0; n < runs; n++) {
            const { pid } = gateway;
            const publishing = startLoad({ url: gateway.mqtt, rate, seconds, range: { prefix: `o${rate}n${n}` } });
            await publishing.acknowledged(rate * BEFORE_SECONDS);
            await postgres!.terminate('SIGQUIT');
            await wait(DOWN_MS);
            await postgres!.restart();
            const back = Date.now();
            const { range } = await publishing.complete(60_000);
            const count = await rows.settled(range, 60_000);
            const caughtUp = (await rows.span(range, back)).lastCommit - back;
            report.row(
              ...[kind, rate, range.next - range.first, count.stored, verdict(count)],
              ...[gateway.running && gateway.pid === pid ? 'yes' : 'no', ms(caughtUp)],
              ...[Math.round(gateway.usage().peakMb), load().toFixed(1)],
            );
          }
      } finally {
        await stage.close();
      }
    }
    report.note('Caught up: the last message from before the return of the database is committed.');
  },
};
