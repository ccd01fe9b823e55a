// Sink of raw messages: into raw_advertisements, before anything is decoded.
import type { BulkWrite, Outcome, Query, Sink, Statement } from '../reading/contracts.ts';
import type { ArchiveRow } from './row.ts';

export type ArchiveOptions = {
  query: Query;
  bulk: BulkWrite;
  /** Name of this sink in the receipts; must stay the same over restarts. */
  target: string;
};

type Item = { at: number; row: ArchiveRow };
/** Numbers of the stored items within the statement; null when all are. */
type Answer = { stored: readonly number[] | null };

/** What jsonb says of a text that is JSON: a value or a depth that it does not hold. Whatever else was refused has to do with the row. */
const OF_JSON = /\(SQLSTATE (22|54)|^invalid memory alloc/;

/** A payload that jsonb refuses is archived without it: the bytes hold all of it. */
export function archive({ query, bulk, target }: ArchiveOptions): Sink<ArchiveRow> {
  const prepared = new Set<string>();

  async function prepareMonths(items: readonly Item[]): Promise<void> {
    for (const { row } of items) {
      const month = row.timestamp.slice(0, 7);
      if (prepared.has(month)) continue;
      await query("SELECT prepare_month('raw_advertisements', $1)", [`${month}-01T00:00:00Z`]);
      prepared.add(month);
    }
  }

  /** Receipts of redelivered rows that were stored before: under their receipt, or under a time that is not believed now. */
  async function known(rows: readonly ArchiveRow[]): Promise<ReadonlySet<string>> {
    const again = rows.filter(row => row.receipt?.redelivered);
    if (again.length === 0) return new Set();
    const sql = 'SELECT key FROM receipts WHERE target = $1 AND key = ANY ($2)';
    const found = [...(await query<{ key: string }>(sql, [target, again.map(receiptKey)]))];
    const said = again.filter(row => row.said !== undefined);
    if (said.length > 0) {
      const values = [
        ...[said.map(row => row.scannerId), said.map(row => row.said), said.map(row => row.digest)],
        ...[said.map(row => row.topic), said.map(receiptKey)],
      ];
      found.push(...(await query<{ key: string }>(saidBefore, values)));
    }
    return new Set(found.map(({ key }) => key));
  }

  /** Writes what it can, fills in the outcomes, and answers what may have been refused for its payload. */
  async function attempt(items: readonly Item[], outcomes: Outcome[]): Promise<readonly Item[]> {
    const refused: Item[] = [];
    if (items.length === 0) return refused;
    const parts = await bulk<Item, Answer>(items, part => statementOf(part, target), landed).catch((error: unknown) => {
      // Somebody may have dropped a partition that this sink had made or met.
      prepared.clear();
      throw error;
    });
    for (const written of parts) {
      if ('refused' in written) {
        outcomes[written.items[0].at] = { rejected: written.refused };
        if (OF_JSON.test(written.refused)) refused.push(written.items[0]);
        continue;
      }
      const numbers = written.rows[0]?.stored;
      const stored = new Set(numbers);
      for (const [number, { at }] of written.items.entries())
        outcomes[at] = numbers == null || stored.has(number) ? 'stored' : 'duplicate';
    }
    return refused;
  }

  return {
    async write(rows) {
      const outcomes: Outcome[] = new Array(rows.length).fill('duplicate');
      const seen = await known(rows);
      const identities = new Set<string>();
      const items: Item[] = [];
      for (const [at, row] of rows.entries()) {
        const identity = identityOf(row, row.timestamp);
        const key = receiptKey(row);
        // An outbox brings first copy and redelivery together, each with the time of its own receipt.
        const again = row.receipt?.redelivered && (seen.has(key!) || identities.has(`receipt ${key}`));
        if (identities.has(identity) || again || (row.said !== undefined && identities.has(identityOf(row, row.said))))
          continue;
        identities.add(identity);
        if (key !== undefined) identities.add(`receipt ${key}`);
        items.push({ at, row });
      }
      await prepareMonths(items);
      // What was refused follows on its own; if that meets an outage, the rest is found as duplicates when it is retried.
      const refused = await attempt(items, outcomes);
      const again = refused.filter(({ row }) => jsonOf(row) !== null);
      await attempt(
        again.map(({ at, row }) => ({ at, row: { ...row, payload: null, mended: undefined } })),
        outcomes,
      );
      return outcomes;
    },
    async close() {},
  };
}

/** Whether the archive has taken a row that was new. */
function landed([answer]: readonly Answer[]): boolean {
  return answer?.stored?.length !== 0;
}

function identityOf({ digest, scannerId, topic }: ArchiveRow, time: string): string {
  return `${digest} ${time} ${scannerId} ${topic}`;
}

function receiptKey({ receipt, digest }: ArchiveRow): string | undefined {
  return receipt === undefined ? undefined : `${receipt.key} ${digest}`;
}

/** The payload is the text of the bytes, and not sent a second time: '' stands for it. */
function jsonOf({ payload, mended }: ArchiveRow): string | null {
  return payload === null ? (mended ?? null) : '';
}

const columns: readonly { name: string; type: string; of(row: ArchiveRow): unknown }[] = [
  { name: 'scanner_id', type: 'text', of: row => row.scannerId },
  { name: 'topic', type: 'text', of: row => row.topic },
  { name: 'timestamp', type: 'timestamptz', of: row => row.timestamp },
  { name: 'received_at', type: 'timestamptz', of: row => new Date(row.receivedAt) },
  { name: 'payload', type: 'text', of: jsonOf },
  { name: 'bytes', type: 'bytea', of: row => row.bytes },
  { name: 'digest', type: 'uuid', of: row => row.digest },
  { name: 'org_id', type: 'text', of: row => row.orgId },
  { name: 'metadata', type: 'jsonb', of: row => row.metadata },
];

const names = columns.map(({ name }) => name).join(', ');
const selected = columns.map(({ name }) =>
  name === 'payload' ? "CASE payload WHEN '' THEN convert_from(bytes, 'UTF8') ELSE payload END::jsonb" : name,
);
const [numbers, keys, target] = [1, 2, 3].map(after => `$${columns.length + after}`);
const RECEIPT = `,
  receipt AS (
    INSERT INTO receipts (key, target) SELECT key, ${target} FROM unnest(${keys}::text[]) AS key
    ON CONFLICT (key, target) DO UPDATE SET created_at = excluded.created_at)`;
/**
 * Without receipts it does not go into their table, of which it then tells nothing either. Fewer stored than sent: only then
 * is it worked out which.
 */
const textOf = (hasReceipts: boolean): string => `WITH raw_stored AS (
    INSERT INTO raw_advertisements (${names})
    SELECT ${selected.join(', ')}
    FROM unnest(${columns.map(({ type }, at) => `$${at + 1}::${type}[]`).join(', ')}) AS sent (${names})
    ON CONFLICT (scanner_id, timestamp, digest, topic) DO NOTHING RETURNING scanner_id, timestamp, digest, topic)${hasReceipts ? RECEIPT : ''}
  SELECT CASE WHEN (SELECT count(*) FROM raw_stored) < cardinality(${numbers}::int4[]) THEN (
    SELECT coalesce(array_agg(sent.number), '{}')
    FROM unnest($1::text[], $3::timestamptz[], $7::uuid[], $2::text[], ${numbers}::int4[])
      AS sent (scanner_id, timestamp, digest, topic, number)
    JOIN raw_stored USING (scanner_id, timestamp, digest, topic)) END AS stored`;
const texts = { with: textOf(true), without: textOf(false) };

const saidBefore = `SELECT key
  FROM unnest($1::text[], $2::timestamptz[], $3::uuid[], $4::text[], $5::text[]) AS said (scanner_id, timestamp, digest, topic, key)
  JOIN raw_advertisements USING (scanner_id, timestamp, digest, topic)`;

function statementOf(items: readonly Item[], name: string): Statement {
  const arrays = columns.map(column => items.map(({ row }) => column.of(row)));
  const receipts = new Set(items.map(({ row }) => receiptKey(row)).filter(key => key !== undefined));
  const values = [...arrays, items.map((_, number) => number)];
  if (receipts.size === 0) return { sql: texts.without, values };
  return { sql: texts.with, values: [...values, [...receipts].sort(), name] };
}
