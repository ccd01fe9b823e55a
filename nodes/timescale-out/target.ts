// Where timescale-out writes to: the tables of Fieldline, or one of the operator's own.
import { Fault, reasonOf } from '../../src/kernel/fault.ts';
import type { Fields, Settings } from '../../src/palette/fields.ts';
import type { Query, Sink } from '../../src/reading/contracts.ts';
import type { Reading, ReadingTable } from '../../src/reading/reading.ts';
import { parseTableName } from '../../src/sinks/own/name.ts';
import type { Mapping } from '../../src/sinks/own/plan.ts';
import { ownSink } from '../../src/sinks/own/sink.ts';
import { parseSource } from '../../src/sinks/own/source.ts';
import { readingSink } from '../../src/sinks/readings.ts';
import type { Database } from '../../src/store/database.ts';
import type { Carried } from './carried.ts';
import type { fields } from './fields.ts';

type Chosen = Settings<typeof fields & Fields>;
export type Target = {
  sink: Sink<Carried>;
  /** Rejects with what has to be mended before anything can be written. */
  check(): Promise<unknown>;
};

/** Throws a Fault FIELDLINE_SETTING where the settings alone cannot be right. */
export function openTarget(settings: Chosen, store: Database, id: string): Target {
  if (settings.table === 'own') {
    const sink = ownSink({
      query: onceMade(store),
      bulk: store.bulk,
      target: id,
      mapping: checked(mappingOf(settings)),
    });
    return { sink, check: sink.check };
  }
  const table: 'auto' | ReadingTable = settings.table;
  const sink = readingSink({ query: store.prepared, bulk: store.bulk, target: id, table });
  return {
    sink: { write: rows => sink.write(rows.map(({ row }) => row as Reading)), close: () => sink.close() },
    check: () => Promise.resolve(),
  };
}

/** Your table may be there before Fieldline has made those in which it remembers rows and keeps dead letters. */
function onceMade(store: Database): Query {
  return async (sql, values) => {
    if (store.variant === undefined) await store.query('SELECT l.state, r.key FROM dead_letters l, receipts r LIMIT 0');
    return store.query(sql, values);
  };
}

export function mappingOf({
  ownTable,
  columns,
  key,
  conflict,
}: Pick<Chosen, 'ownTable' | 'columns' | 'key' | 'conflict'>): Mapping {
  return { table: ownTable, columns, key, conflict };
}

/** What no table can make right. */
function checked(mapping: Mapping): Mapping {
  const name = parseTableName(mapping.table);
  const faults = mapping.columns.flatMap(({ column, from }) => {
    const source = from.trim() === '' ? undefined : parseSource(from);
    return typeof source === 'string' ? [`column ${column}: ${source}`] : [];
  });
  if (typeof name === 'string') faults.unshift(`Your table: ${name}`);
  if (faults.length > 0) throw new Fault('FIELDLINE_SETTING', faults.join('; '));
  return mapping;
}

const CHECK_AGAIN_MS = 5000;

/** Checks until it comes out right or is aborted, telling the reason each time; undefined in the end. */
export function untilRight(check: () => Promise<unknown>, tell: (why: string | undefined) => void): AbortController {
  const aborted = new AbortController();
  const { signal } = aborted;
  const again = (): void => {
    check().then(
      () => tell(undefined),
      (error: unknown) => {
        if (signal.aborted) return;
        tell(reasonOf(error));
        const timer = setTimeout(again, CHECK_AGAIN_MS);
        signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
      },
    );
  };
  again();
  return aborted;
}
