// kill: the gateway ended by SIGKILL under load and started again on the same directory; the embedded broker goes with it.
import { setTimeout as wait } from 'node:timers/promises';
import { type Cell, type Figure, ms } from '../figure.ts';
import { startLoad } from '../load.ts';
import { load } from '../machine.ts';
import { verdict } from '../rows.ts';
import { brokersOf, openStage, type Stage } from '../stage.ts';

const DOWN_MS = 1000;

type Run = { prefix: string; rate: number; seconds: number; timed: boolean };

async function killOnce({ gateway, rows }: Stage, { prefix, rate, seconds, timed }: Run): Promise<readonly Cell[]> {
  const publishing = startLoad({ url: gateway.mqtt, rate, seconds, timed, range: { prefix } });
  await publishing.acknowledged((rate * seconds) / 2);
  await gateway.end('SIGKILL');
  await wait(DOWN_MS);
  const readyMs = await gateway.start();
  const { range, reconnects, unacknowledged } = await publishing.complete(60_000);
  const readings = await rows.settled(range, 60_000);
  const archive = await rows.archived(range);
  return [
    ...[rate, timed ? 'its own' : 'none', range.next - range.first, unacknowledged.length, reconnects, ms(readyMs)],
    ...[readings.stored, verdict(readings), verdict(archive), load().toFixed(1)],
  ];
}

export const kill: Figure = {
  says: 'kill -9 of the gateway under load, and a restart: published = committed',
  defaults: { seconds: 10 },
  async run({ runs, rates, seconds, broker, database }, report) {
    const kinds = brokersOf(broker, report);
    report.table(`kill -9 at half time, started again ${DOWN_MS} ms later`, [
      ...['broker', 'rate/s', 'time in the message', 'published', 'never acknowledged', 'reconnects', 'ready again ms'],
      ...['rows', 'readings', 'archive', 'load'],
    ]);
    for (const kind of kinds) {
      const stage = await openStage({ broker: kind, database });
      try {
        for (const timed of [true, false])
          for (const rate of rates)
            for (let n = 0; n < runs; n++) {
              const prefix = `k${rate}${timed ? 't' : 'u'}${n}`;
              report.row(kind, ...(await killOnce(stage, { prefix, rate, seconds, timed })));
            }
      } finally {
        await stage.close();
      }
    }
    report.note(
      'A message without a time of its own that its publisher sends again to the embedded broker (DUP, after the kill) ' +
        'cannot be told from a new one: there at least once is what can be promised.',
    );
  },
};
