// soak: memory and CPU time of the gateway process at a steady rate, minute by minute after a warm-up.
import { setTimeout as wait } from 'node:timers/promises';
import { type Figure, ms } from '../figure.ts';
import { startLoad } from '../load.ts';
import { load } from '../machine.ts';
import { verdict } from '../rows.ts';
import { brokersOf, openStage } from '../stage.ts';

const WARM_UP_SECONDS = 60;
const STEP_SECONDS = 60;

export const soak: Figure = {
  says: 'resident memory and CPU per 1,000 messages at a steady rate (--seconds, 600 by default)',
  defaults: { rates: [1000], seconds: 600, broker: 'embedded' },
  async run({ rates, seconds, broker, database }, report) {
    const kinds = brokersOf(broker, report);
    report.table(`after ${WARM_UP_SECONDS} s of warm-up`, [
      ...['broker', 'rate/s', 'second', 'RSS MB', 'RSS peak MB', 'CPU s per 1,000', 'p99 ms', 'load'],
    ]);
    for (const kind of kinds) {
      const stage = await openStage({ broker: kind, database });
      const { gateway, rows } = stage;
      try {
        for (const rate of rates) {
          const warm = Math.min(WARM_UP_SECONDS, seconds);
          const publishing = startLoad({ url: gateway.mqtt, rate, range: { prefix: `s${rate}` } });
          await wait(warm * 1000);
          for (let at = 0; at < seconds; at += STEP_SECONDS) {
            const from = gateway.usage();
            const { range: before } = publishing.progress;
            const since = Date.now();
            const step = Math.min(STEP_SECONDS, seconds - at);
            await wait(step * 1000);
            const to = gateway.usage();
            const { range } = publishing.progress;
            const cpu = ((to.cpuSeconds - from.cpuSeconds) * 1000) / (range.next - before.next);
            const latency = database === 'own' ? await rows.latency(range, since) : undefined;
            report.row(
              ...[kind, rate, at + step, Math.round(to.rssMb), Math.round(to.peakMb), cpu.toFixed(3)],
              ...[ms(latency?.p99), load().toFixed(1)],
            );
          }
          const { range } = await publishing.finish();
          report.note(`${kind}, ${rate}/s: ${range.next} published, ${verdict(await rows.settled(range))}.`);
        }
      } finally {
        await stage.close();
      }
    }
  },
};
