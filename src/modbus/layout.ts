// Where the fields of a map are on the unit at hand: as the map says, or by the chain of SunSpec models that the unit has.
import { isUnanswered, ModbusFault, shortReason } from './fault.ts';
import type { Field, Place } from './field.ts';
import type { ReadRequest } from './link.ts';
import { placed, sunspecBases, sunspecChain } from './sunspec.ts';

/** Fields with their addresses on this unit, and why the others are absent. */
export type Layout = { fields: readonly Field[]; absent: Readonly<Record<string, string>> };

export type Ask = (request: Omit<ReadRequest, 'unit'>) => Promise<Uint8Array | ModbusFault>;

/** Everything that must be read: fields, and their scale factors once each. */
export function placesOf(fields: readonly Field[]): Place[] {
  const factors = new Map<string, Place>();
  for (const { factor } of fields) if (factor !== undefined) factors.set(keyOf(factor), factor);
  return [...fields, ...factors.values()];
}

export const keyOf = ({ table, address, span }: Place): string => `${table}:${address}+${span}`;

/** Walks the chain of models. The fault that ended the walk, or that of a unit that has no SunSpec. */
export async function sunspecLayout(fields: readonly Field[], ask: Ask): Promise<Layout | ModbusFault> {
  const walk = sunspecChain();
  let step = walk.next();
  while (!step.done) {
    const data = await ask({ table: 'holding', ...step.value });
    if (data instanceof ModbusFault && (isUnanswered(data) || data.kind === 'outage')) return data;
    step = walk.next(data instanceof ModbusFault ? undefined : data);
  }
  return step.value === undefined
    ? new ModbusFault('answer', `expected the marker SunS at ${sunspecBases.join(', ')}, got none`)
    : placed(fields, step.value);
}

/** The same reason for all fields. */
export const allAbsent = (fields: readonly Field[], fault: ModbusFault): Record<string, string> =>
  Object.fromEntries(fields.map(({ metric }) => [metric, shortReason(fault)]));
