// Sink into a table of the operator's own: readings as its columns are mapped, each row once, whatever happens to the table meanwhile.
import { Fault } from '../../kernel/fault.ts';
import type { BulkWrite, Outcome, Query, Sink, Written } from '../../reading/contracts.ts';
import { codeOf } from '../../reading/error-code.ts';
import { type Contest, contestOf, contestsOf } from './contest.ts';
import { type Mapping, type Plan, planOf } from './plan.ts';
import { type Arrived, type Row, rowsOfAll } from './rows.ts';
import { type Answer, landed, statementOf } from './statement.ts';
import { describeTable } from './table.ts';

export type OwnSink = Sink<Arrived> & {
  /** Reads the table anew. Rejects with a Fault of kind outage that says what has to be mended: rows wait until then. */
  check(): Promise<Plan>;
};
export type OwnSinkOptions = {
  query: Query;
  bulk: BulkWrite;
  /** Name of this sink in the receipts; must stay the same over restarts, and differ between sinks on one database. */
  target: string;
  mapping: Mapping;
};

/** A table that changes again and again while it is written to. */
const MOST_CHANGES = 5;

/**
 * Rows that the table, its constraints or the checks refuse are rejected one by one; a table that is not there, or no
 * longer as it was mapped, is an outage: nothing is lost while somebody mends it.
 */
export function ownSink({ query, bulk, target, mapping }: OwnSinkOptions): OwnSink {
  let plan: Plan | undefined;

  async function check(): Promise<Plan> {
    plan = undefined;
    const table = await describeTable(query, mapping.table);
    const made = planOf(table, mapping);
    if (!('mapped' in made))
      throw new Fault('FIELDLINE_TABLE', `table ${mapping.table}: ${made.join('; ')}`, { kind: 'outage' });
    plan = made;
    return made;
  }

  /** Redelivered messages without a time of their own, whose receipt is there. */
  async function known(rows: readonly Row[]): Promise<ReadonlySet<string>> {
    const keys = rows.flatMap(({ receipt }) => (receipt?.redelivered ? [receipt.key] : []));
    if (keys.length === 0) return new Set();
    const found = await query<{ key: string }>('SELECT key FROM receipts WHERE target = $1 AND key = ANY ($2)', [
      target,
      keys,
    ]);
    return new Set(found.map(({ key }) => key));
  }

  /** Writes rows, telling each outcome; gives those that found the table changed. */
  async function write(by: Plan, rows: readonly Row[], tell: (row: Row, outcome: Outcome) => void): Promise<Row[]> {
    const changed: Row[] = [];
    const met = await known(rows);
    let contests = contestsOf(by, rows, met, row => tell(row, 'duplicate'));
    while (contests.length > 0) {
      const contestOfWinner = new Map(contests.map(contest => [contest.winner, contest]));
      const next: Contest[] = [];
      const parts = await bulk<Row, Answer>([...contestOfWinner.keys()], part => statementOf(by, part, target), landed);
      for (const [winner, outcome] of parts.flatMap(outcomesOf)) {
        const { before, after } = contestOfWinner.get(winner)!;
        if (outcome === undefined) {
          changed.push(...before, winner, ...after);
          continue;
        }
        tell(winner, outcome);
        if (typeof outcome === 'object') next.push(...contestOf(by, [...before, ...after]));
        else {
          for (const row of before) tell(row, 'stored');
          for (const row of after) tell(row, 'duplicate');
        }
      }
      contests = next;
    }
    return changed;
  }

  return {
    check,
    async write(arrived) {
      const outcomes: Outcome[] = new Array(arrived.length);
      const tell = (row: Row, outcome: Outcome): void => {
        outcomes[row.at] = stronger(outcomes[row.at], outcome);
      };
      let pending: readonly number[] = [...arrived.keys()];
      for (let changes = 0; pending.length > 0; changes++) {
        if (changes > MOST_CHANGES) throw restless(mapping.table);
        const isFresh = plan === undefined;
        const by = plan ?? (await check());
        const { rows, refused, empty } = rowsOfAll(by, arrived, pending);
        // Not by what the table was: maybe it takes them by now.
        if (refused.size > 0 && !isFresh) {
          plan = undefined;
          continue;
        }
        for (const [at, rejected] of refused) outcomes[at] = { rejected };
        for (const at of empty) outcomes[at] = 'duplicate';
        try {
          const changed = await write(by, rows, tell);
          pending = [...new Set(changed.map(({ at }) => at))];
        } catch (error) {
          // Whatever it was may have to do with the table: it is read again before the next attempt.
          plan = undefined;
          // Where the database speaks of tables and columns, what is read tells better what to mend.
          if (isOfTable(error)) await check();
          throw error;
        }
        if (pending.length > 0) plan = undefined;
      }
      return outcomes;
    },
    async close() {},
  };
}

/** Undefined: the table had changed, and nothing of this part was written. */
function outcomesOf(part: Written<Row, Answer>): readonly (readonly [Row, Outcome | undefined])[] {
  if ('refused' in part) return [[part.items[0], { rejected: part.refused }]];
  const [answer] = part.rows;
  if (answer?.same !== true) return part.items.map(row => [row, undefined]);
  const fresh = new Set(answer.stored ?? part.items.keys());
  return part.items.map((row, number) => [row, fresh.has(number) ? 'stored' : 'duplicate']);
}

/** SQLSTATE class 42: something is not there, is another, or may not be used. */
function isOfTable(error: unknown): boolean {
  return error instanceof Error && codeOf(error.cause)?.startsWith('42') === true;
}

function restless(table: string): Fault {
  return new Fault('FIELDLINE_TABLE', `table ${table}: expected to stay as it is during a write`, { kind: 'outage' });
}

function stronger(known: Outcome | undefined, outcome: Outcome): Outcome {
  if (known === undefined || typeof outcome === 'object') return outcome;
  return typeof known === 'object' || known === 'stored' ? known : outcome;
}
