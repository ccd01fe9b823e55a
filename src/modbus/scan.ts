// Finds the units of a line: one register of each asked for in turn, with its progress to look at and an end at any time.
import { reasonOf } from '../kernel/fault.ts';
import type { Bus } from './bus.ts';
import { isUnreachable, ModbusFault, shortReason } from './fault.ts';
import type { ReadRequest } from './link.ts';

export type Found = { unit: number; ms: number; says: string };
export type Scan = {
  readonly done: boolean;
  /** Unit that is asked now, or was asked last. */
  readonly at: number;
  readonly of: number;
  readonly found: readonly Found[];
  /** Why it ended early. */
  readonly error: string | undefined;
  readonly ended: Promise<void>;
  stop(): void;
};

/** An exception is a sign of life, too; only a gateway's word that nobody is there is none. */
export function scanUnits(
  bus: Pick<Bus, 'read'>,
  units: readonly number[],
  what: Omit<ReadRequest, 'unit'> = { table: 'holding', address: 0, count: 1 },
): Scan {
  const found: Found[] = [];
  let at = units[0] ?? 0;
  let error: string | undefined;
  let stopped = false;
  let done = false;

  async function run(): Promise<void> {
    for (const unit of units) {
      if (stopped) break;
      at = unit;
      const began = performance.now();
      const told = await bus.read({ unit, ...what }).then(
        data => `answers, ${what.table} ${what.address} is ${data[0] ?? 0} ${data[1] ?? 0}`,
        (fault: unknown) => fault,
      );
      const ms = Math.round(performance.now() - began);
      if (typeof told === 'string') found.push({ unit, ms, says: told });
      else if (!(told instanceof ModbusFault)) error = reasonOf(told);
      else if (told.trouble === 'exception' && !isUnreachable(told.exception))
        found.push({ unit, ms, says: shortReason(told) });
      else if (told.trouble === 'link' || told.trouble === 'unavailable') error = told.message;
      if (error !== undefined) break;
    }
    done = true;
  }

  const ended = run();
  return {
    get done() {
      return done;
    },
    get at() {
      return at;
    },
    of: units.length,
    found,
    get error() {
      return error;
    },
    ended,
    stop() {
      stopped = true;
    },
  };
}
