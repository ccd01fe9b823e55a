// timescale-out: readings into their tables, many to a write, each row once; done when they are committed.
import { openLink } from '../../src/delivery/link.ts';
import { Fault } from '../../src/kernel/fault.ts';
import { fateOf, noteFate } from '../../src/kernel/ledger.ts';
import { defineNode, type Message, type Send } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { entryOf, isReading, membersOf, type Reading } from '../../src/reading/reading.ts';
import { keepDeadLetters, type Refused } from '../../src/sinks/dead-letters.ts';
import { readingSink } from '../../src/sinks/readings.ts';
import type { Database } from '../../src/store/database.ts';

/** Below the time that Node-RED gives a node to close. */
const CLOSE_MS = 3000;
const ROW_BYTES = 500;

export const definition = defineNode({
  type: 'fieldline-timescale-out',
  family: 'store',
  icon: 'font-awesome/fa-database',
  summary: 'Writes readings to PostgreSQL or TimescaleDB, each row once, and passes on what it has stored.',
  input: 'readings',
  outputs: ['stored', 'rejected'],
  fields: {
    store: {
      kind: 'config',
      label: 'Database',
      help: 'The database to write to.',
      initial: '',
      of: 'fieldline-timescale-db',
    },
    table: {
      kind: 'choice',
      label: 'Table',
      help: 'Besides, every reading updates its device and its latest values.',
      initial: 'auto',
      options: [
        ['auto', 'by the metrics of each reading'],
        ['measurements', 'measurements'],
        ['energy_readings', 'energy_readings'],
        ['flow_data', 'flow_data'],
        ['sensor_readings', 'sensor_readings (any metric)'],
      ],
    },
    batchRows: {
      kind: 'number',
      label: 'Most readings in a write',
      help: 'A write leaves when the one before has been committed, with all that has come by then.',
      initial: 5000,
      min: 1,
      max: 20000,
      integer: true,
    },
    memoryRows: {
      kind: 'number',
      label: 'Most readings in memory',
      help: 'While the database is away readings wait here; above this the sources keep them.',
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
    const sink = readingSink({ query: store.prepared, bulk: store.bulk, target: host.id, table: settings.table });
    const link = openLink(sink, {
      target: 'database',
      maxRows: settings.batchRows,
      limitRows: settings.memoryRows,
      bytesOf,
      onStatus({ fill, text, waiting }) {
        host.status(fill, text);
        host.gauge('fieldline_waiting_rows', waiting);
      },
      onCounts({ stored, duplicates, rejected }) {
        if (stored > 0) host.count('fieldline_stored_total', stored);
        if (duplicates > 0) host.count('fieldline_duplicates_total', duplicates);
        if (rejected > 0) host.count('fieldline_rejected_total', rejected);
      },
    });

    async function write(message: Message, send: Send): Promise<void> {
      const members = membersOf(message.payload);
      // What is no reading is refused by the sink like any other row, one by one.
      const outcomes = await link.submit(members as readonly Reading[]);
      for (const [at, outcome] of outcomes.entries()) noteFate(entryOf(members[at]), fateOf(outcome));
      const stored = members.filter((_, at) => outcomes[at] === 'stored');
      const refused: Refused[] = [];
      for (const [at, outcome] of outcomes.entries())
        if (typeof outcome === 'object')
          refused.push({ row: members[at], topic: message.topic, reason: outcome.rejected });
      if (refused.length > 0) await keepDeadLetters(store!.query, host.id, refused);

      const payload = (rows: readonly unknown[]) => (Array.isArray(message.payload) ? rows : rows[0]);
      const back = refused.length > 0 ? { ...message, payload: payload(refused.map(marked)) } : undefined;
      if (stored.length > 0) message.payload = payload(stored);
      if (stored.length > 0 || back !== undefined) send([stored.length > 0 ? message : undefined, back]);
    }

    return {
      input(message, send, done) {
        write(message, send).then(() => done(), done);
      },
      close: () => link.close(CLOSE_MS),
    };
  },
});

/** Only unknown fields of a payload can be large; what JSON cannot hold is refused by the sink. */
function bytesOf(row: Reading): number {
  const extra = isReading(row) ? row.metadata.extra : undefined;
  if (extra === undefined) return ROW_BYTES;
  try {
    return ROW_BYTES + JSON.stringify(extra).length;
  } catch {
    return ROW_BYTES;
  }
}

/** The refused reading with its reason; what is no reading goes back as it came. */
function marked({ row, reason }: Refused): unknown {
  return isReading(row) ? { ...row, metadata: { ...row.metadata, rejected: reason } } : row;
}

export default nodeRed(definition);
