// timescale-out: readings into their tables, or the operator's own, many to a write, each row once; done when they are committed, or on disk until they can be.
import { openLink } from '../../src/delivery/link.ts';
import { linkLedger } from '../../src/delivery/link-ledger.ts';
import { linkPolicy } from '../../src/delivery/link-settings.ts';
import { Fault } from '../../src/kernel/fault.ts';
import { defineNode, type Message, type Send } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { entriesOf } from '../../src/reading/reading.ts';
import { adopt } from '../../src/reading/sent.ts';
import { keepDeadLetters } from '../../src/sinks/dead-letters.ts';
import type { Database } from '../../src/store/database.ts';
import { isDoubtful, isOvertime, isRule } from '../../src/store/fault.ts';
import { bytesOf, type Carried, carriedCodec, carriedOf, lateOutputs, outputsOf, refusedOf } from './carried.ts';
import { dialog } from './dialog.ts';
import { fields } from './fields.ts';
import { openTarget, untilRight } from './target.ts';
import { openWatch } from './watch.ts';

/** Below the time that Node-RED gives a node to close. */
const CLOSE_MS = 3000;

export const definition = defineNode({
  type: 'fieldline-timescale-out',
  family: 'store',
  icon: 'font-awesome/fa-database',
  summary: 'Writes readings to PostgreSQL or TimescaleDB, each row once, and passes on what it has stored.',
  input: 'readings',
  outputs: ['stored', 'rejected'],
  fields,
  admin: dialog,
  start(settings, host) {
    const store = host.config<Database>('store');
    if (store === undefined)
      throw new Fault('FIELDLINE_SETTING', 'Database: expected a timescale-db node that runs, got none');
    const { sink, check } = openTarget(settings, store, host.id);
    const watch = openWatch(host);
    const rejected = async (rows: readonly Carried[], fates: Parameters<typeof refusedOf>[1]): Promise<void> => {
      const refused = refusedOf(rows, fates);
      if (fates.includes('stored')) watch.mend(undefined);
      if (refused.length === 0) return;
      watch.failed(refused.at(-1)!.reason);
      await keepDeadLetters(store.query, host.id, refused);
    };
    const peer = { ...sink, isTooMuch: isOvertime, isDoubtful, isRule };
    const ledger = linkLedger<Carried>(host.directory, ({ row }) => entriesOf(row));
    const link = openLink<Carried>(peer, {
      target: 'database',
      ask: () => store.prepared('SELECT 1'),
      host: watch.host,
      policy: linkPolicy(settings, host.directory, host.id),
      maxRows: settings.batchRows,
      limitRows: settings.memoryRows,
      bytesOf,
      codec: carriedCodec,
      async onDrained(rows, outcomes) {
        await rejected(rows, outcomes);
        for (const output of lateOutputs(rows, outcomes)) host.send(output);
        await ledger.drained(rows, outcomes);
      },
      onDropped: ledger.dropped,
      onLost: ledger.lost,
    });
    const checks = untilRight(() => store.migrated.then(check), watch.mend);

    async function write(message: Message, send: Send): Promise<void> {
      adopt(message.payload, host.sent(message));
      const rows = carriedOf(message);
      watch.saw(rows);
      const fates = await link.submit(rows);
      ledger.noted(rows, fates);
      await rejected(rows, fates);
      const [stored, refused] = outputsOf(rows, fates);
      const payload = (members: readonly unknown[]) => (Array.isArray(message.payload) ? members : members[0]);
      const back = refused.length > 0 ? { ...message, payload: payload(refused) } : undefined;
      if (stored.length > 0) message.payload = payload(stored);
      if (stored.length > 0 || back !== undefined) send([stored.length > 0 ? message : undefined, back]);
    }

    return {
      input(message, send, done) {
        write(message, send).then(() => done(), done);
      },
      close(removed) {
        checks.abort();
        watch.close();
        return link.close(CLOSE_MS, removed);
      },
    };
  },
});

export default nodeRed(definition);
