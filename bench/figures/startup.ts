// startup: from the start of the process to readiness and to the first committed row, on a new and on a used directory.
import { type Figure, ms } from '../figure.ts';
import { makeGateway } from '../gateway.ts';
import { startLoad } from '../load.ts';
import { load } from '../machine.ts';
import { openRows } from '../rows.ts';
import { embeddedUrl } from '../stage.ts';

export const startup: Figure = {
  says: 'time to readiness and to the first row: first start with its own database, and later starts',
  defaults: { runs: 3 },
  async run({ runs }, report) {
    report.table('embedded database and broker', ['start', 'ready ms', 'first row ms', 'stop ms', 'exit code', 'load']);
    for (let n = 0; n < runs; n++) {
      const gateway = await makeGateway();
      try {
        for (const start of ['first', 'second', 'after kill -9']) {
          const began = performance.now();
          const readyMs = await gateway.start(120_000);
          const rows = openRows(embeddedUrl(gateway.directory));
          const prefix = `s${start.slice(0, 1)}`;
          const publishing = startLoad({ url: gateway.mqtt, rate: 10, range: { prefix } });
          await rows.atLeast(prefix, 1);
          const rowMs = performance.now() - began;
          await publishing.finish();
          await rows.close();
          const ended = await gateway.end(start === 'second' ? 'SIGKILL' : 'SIGTERM');
          const stopped = ended.signal === null ? [ms(ended.ms), ended.code ?? '–'] : ['killed', '–'];
          report.row(start, ms(readyMs), ms(rowMs), ...stopped, load().toFixed(1));
        }
      } finally {
        await gateway.remove();
      }
    }
    report.note('First row: of a publisher that starts at readiness, its own start (about 0.3 s) included.');
  },
};
