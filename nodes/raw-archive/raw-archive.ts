// raw-archive: every raw message into raw_advertisements before it is decoded; passed on when it is committed, or on disk until it can be.
import { archive } from '../../src/archive/archive.ts';
import { rawOfRow } from '../../src/archive/pages.ts';
import type { ArchiveRow } from '../../src/archive/row.ts';
import { archiveRowCodec } from '../../src/archive/row-json.ts';
import { openLink } from '../../src/delivery/link.ts';
import { archiveLedger } from '../../src/delivery/link-ledger.ts';
import { linkFields, linkPolicy } from '../../src/delivery/link-settings.ts';
import { refusals } from '../../src/delivery/letters/refusals.ts';
import { Fault } from '../../src/kernel/fault.ts';
import { defineNode, type Message } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { adopt } from '../../src/reading/sent.ts';
import type { Database } from '../../src/store/database.ts';
import { isDoubtful, isOvertime, isRule } from '../../src/store/fault.ts';
import { rowsOf } from './rows.ts';

/** Below the time that Node-RED gives a node to close. */
const CLOSE_MS = 3000;

export const definition = defineNode({
  type: 'fieldline-raw-archive',
  family: 'store',
  icon: 'font-awesome/fa-archive',
  summary: 'Keeps every raw message as it was received, before anything is decoded, and passes it on.',
  input: 'raw messages',
  outputs: ['archived'],
  fields: {
    store: {
      kind: 'config',
      label: 'Database',
      help: 'The database to write to.',
      initial: '',
      of: 'fieldline-timescale-db',
    },
    ...linkFields,
    memoryRows: {
      kind: 'number',
      label: 'Most messages in memory',
      help: 'What waits to be written, or to be kept on disk; above this the sources keep it.',
      initial: 100000,
      min: 1,
      max: 10000000,
      integer: true,
    },
  },
  start(settings, host) {
    const store = host.config<Database>('store');
    if (store === undefined)
      throw new Fault('FIELDLINE_SETTING', 'Database: expected a timescale-db node that runs, got none');
    const sink = archive({ query: store.prepared, bulk: store.bulk, target: host.id });
    const refused = refusals(host, (row: ArchiveRow) => ({
      ...rawOfRow(row),
      entry: row.entry,
    }));
    const peer = { ...sink, isTooMuch: isOvertime, isDoubtful, isRule };
    const ledger = archiveLedger<ArchiveRow>(host.directory, ({ entry }) => (entry === undefined ? [] : [entry]));
    const link = openLink<ArchiveRow>(peer, {
      target: 'database',
      ask: () => store.prepared('SELECT 1'),
      host,
      policy: linkPolicy(settings, host.directory, host.id),
      counter: 'fieldline_archived_total',
      codec: archiveRowCodec,
      limitRows: settings.memoryRows,
      // The bytes travel as hex, and JSON as text besides.
      bytesOf: row => 3 * row.bytes.length,
      async onDrained(rows, outcomes) {
        await refused.keep(rows, outcomes);
        await ledger.drained(rows, outcomes);
      },
      onDropped: ledger.dropped,
      onLost: ledger.lost,
    });

    async function keep(message: Message): Promise<void> {
      adopt(message.payload, host.sent(message));
      // A member without a frame, or one that the database refuses, is no hindrance to the rest.
      const rows = rowsOf(message);
      const fates = await link.submit(rows);
      ledger.noted(rows, fates);
      await refused.keep(rows, fates);
    }

    return {
      input(message, send, done) {
        keep(message).then(() => {
          send(message);
          done();
        }, done);
      },
      async close(removed) {
        await link.close(CLOSE_MS, removed);
        await refused.close();
      },
    };
  },
});

export default nodeRed(definition);
