// A process to be killed: numbered messages through an archive with a disk outbox, their ledger, and a table that is a file.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Fault } from '../kernel/fault.ts';
import type { Outcome, Sink, Source } from '../reading/contracts.ts';
import { counted } from './counted.ts';
import { ledgerIn } from './ledger-file.ts';
import { openLink } from './link.ts';
import { archiveLedger } from './link-ledger.ts';

type Row = { sequence: number; entry: string | undefined };

// The table is there as long as the file `there` is.
const [folder = '', first = '1', last = '0'] = process.argv.slice(2);
const table = path.join(folder, 'table');
const acknowledged = path.join(folder, 'acknowledged');
const rowsOf = (file: string) => new Set(existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []);

const stored = rowsOf(table);
const sink: Sink<Row> = {
  async write(rows) {
    if (!existsSync(path.join(folder, 'there'))) throw new Fault('FIELDLINE_DATABASE', 'away', { kind: 'outage' });
    const outcomes = rows.map(({ sequence }): Outcome => (stored.has(`${sequence}`) ? 'duplicate' : 'stored'));
    for (const { sequence } of rows)
      if (stored.size < stored.add(`${sequence}`).size) appendFileSync(table, `${sequence}\n`);
    return outcomes;
  },
  async close() {},
};

/** All that was not acknowledged comes again, as from the embedded broker. */
const source: Source = onMessage => {
  const done = rowsOf(acknowledged);
  setImmediate(async () => {
    for (let sequence = Number(first); sequence <= Number(last); sequence++) {
      if (done.has(`${sequence}`)) continue;
      const raw = {
        topic: 't',
        bytes: new Uint8Array(),
        receivedAt: 1,
        source: 's',
        protocol: 'mqtt',
        sequence,
      } as const;
      onMessage(raw, () => appendFileSync(acknowledged, `${sequence}\n`));
      if (sequence % 20 === 0) await new Promise(resolve => setTimeout(resolve, 2));
    }
  });
  return { pause() {}, resume() {}, async close() {} };
};

const file = ledgerIn(folder);
const ledger = archiveLedger<Row>(folder, ({ entry }) => (entry === undefined ? [] : [entry]));
const link = openLink<Row>(sink, {
  target: 'table',
  policy: { kind: 'disk', file: path.join(folder, 'outbox'), maxBytes: 1e9, maxAgeMs: Infinity, full: 'block' },
  host: { status: () => {}, count: () => {}, gauge: () => {}, log: () => {} },
  maxRows: 50,
  onDrained: (rows, outcomes) => ledger.drained(rows, outcomes),
});
counted(
  source,
  file.account('meter', 'Meter'),
  file,
)(async ({ sequence = 0, entry }, settle) => {
  const rows = [{ sequence, entry }];
  ledger.noted(rows, await link.submit(rows));
  settle({ ok: true });
});
