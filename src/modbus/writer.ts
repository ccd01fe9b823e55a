// Writes to one unit: values by the names of a map or raw, checked before anything is sent, read back after, one after the other.
import { expected, reasonOf } from '../kernel/fault.ts';
import type { Bus } from './bus.ts';
import { isObject } from './check.ts';
import { encodeField, merged, numberOf } from './encode.ts';
import { ModbusFault } from './fault.ts';
import type { Field } from './field.ts';
import { type Table, type WriteFunction, writeFunctions, type WriteRequest } from './link.ts';
import type { After } from './timing.ts';
import { decodeField } from './values.ts';

export type WriterOptions = {
  bus: Pick<Bus, 'read' | 'write'>;
  unit: number;
  fields: readonly Field[];
  /** Registers and coils by number and function, which no map limits. */
  raw: boolean;
  /** Functions 15 and 16 also for a single one: some devices have no others. */
  many: boolean;
  /** Reads what was written and compares. */
  readBack: boolean;
  readBackMs: number;
  after: After;
};

/** One thing to be written. `mask`: only these bits of the register. */
type Step = { name: string; value: unknown; request: WriteRequest; field: Field | undefined; mask: bigint | undefined };

/**
 * written: confirmed by the unit; with an error where it could not be read back. verified: read back as well. differs: the
 * unit confirmed, but has another value. unknown: no answer; it may have been carried out. failed: the unit refused it, or
 * it never went out. refused: nothing was sent, as it is not right.
 */
export type Outcome = 'written' | 'verified' | 'differs' | 'unknown' | 'failed' | 'refused' | 'dry run';
export type Written = { name: string; value: unknown; request: WriteRequest; readBack?: unknown };
export type Result = { outcome: Outcome; error?: string; writes: Written[] };
type Told = { outcome: Outcome; error?: string; written?: Written };

/** `order`: `{ metric: value, … }`, or `{ function, address, value | values }` where raw writes are allowed. Never rejects. */
export type Writer = (order: unknown, dryRun: boolean) => Promise<Result>;

const MOST_STEPS = 100;

/** The last order of each unit of a bus: a register that is read, changed in part and written must not change meanwhile. */
const turns = new WeakMap<object, Map<number, Promise<unknown>>>();

export function writer(options: WriterOptions): Writer {
  const { bus, unit, readBack, readBackMs, after } = options;
  const units = turns.get(bus) ?? new Map<number, Promise<unknown>>();
  turns.set(bus, units);

  const read = async (table: Table, address: number, count: number): Promise<Uint8Array> =>
    bus.read({ unit, table, address, count });

  async function carryOut({ name, value, request: asked, field, mask }: Step): Promise<Told> {
    const { write, address, values } = asked;
    const isCoil = write === 5 || write === 15;
    const table = isCoil ? 'coil' : 'holding';
    const request = { ...asked };
    if (mask !== undefined)
      try {
        const now = wordsOf(await read(table, address, values.length));
        request.values = merged({ words: [...values], mask }, now);
      } catch (error) {
        return { outcome: 'failed', error: `${name} is not written, since it cannot be read: ${reasonOf(error)}` };
      }
    try {
      await bus.write(request);
    } catch (error) {
      return { outcome: isRefused(error) ? 'failed' : 'unknown', error: reasonOf(error) };
    }
    const written: Written = { name, value, request };
    if (!readBack) return { outcome: 'written', written };
    if (readBackMs > 0) await new Promise<void>(resolve => after(readBackMs, resolve));
    const bytes = await read(table, address, values.length).catch((error: unknown) => reasonOf(error));
    if (typeof bytes === 'string')
      return { outcome: 'written', error: `${name} is written, but cannot be read back: ${bytes}`, written };
    const got = isCoil ? bitsOf(bytes, values.length) : wordsOf(bytes);
    written.readBack = decodedOf(field, isCoil ? Uint8Array.from(got) : bytes) ?? got;
    if (same(got, request.values, mask)) return { outcome: 'verified', written };
    return { outcome: 'differs', error: expected(`${name} read back`, JSON.stringify(request.values), got), written };
  }

  async function run(steps: readonly Step[]): Promise<Result> {
    const writes: Written[] = [];
    const unread: string[] = [];
    for (const step of steps) {
      const { outcome, error, written } = await carryOut(step);
      if (written !== undefined) writes.push(written);
      if (outcome !== 'written' && outcome !== 'verified') return { outcome, ...(error && { error }), writes };
      if (error !== undefined) unread.push(error);
    }
    if (unread.length > 0) return { outcome: 'written', error: unread.join('; '), writes };
    return { outcome: readBack ? 'verified' : 'written', writes };
  }

  return (order, dryRun) => {
    const steps = stepsOf(order, options);
    if ('refused' in steps) return Promise.resolve({ outcome: 'refused', error: steps.refused, writes: [] });
    if (dryRun)
      return Promise.resolve({
        outcome: 'dry run',
        writes: steps.map(({ name, value, request }) => ({ name, value, request })),
      });
    const result = (units.get(unit) ?? Promise.resolve()).then(() => run(steps));
    units.set(unit, result);
    return result;
  };
}

function stepsOf(order: unknown, options: WriterOptions): Step[] | { refused: string } {
  if (!isObject(order)) return { refused: expected('payload', 'values by metric', order) };
  if ('function' in order || 'address' in order) {
    if (!options.raw) return { refused: expected('payload', 'values by metric: raw writes are switched off', order) };
    return rawStep(order, options.unit);
  }
  const entries = Object.entries(order);
  if (entries.length === 0 || entries.length > MOST_STEPS)
    return { refused: expected('payload', `1 to ${MOST_STEPS} values by metric`, entries.length) };
  const steps: Step[] = [];
  for (const [metric, value] of entries) {
    const field = options.fields.find(one => one.metric === metric);
    if (field === undefined) return { refused: expected('metric', 'one of the register map', metric) };
    const encoded = encodeField(field, value);
    if ('refused' in encoded) return encoded;
    const { words, mask } = encoded;
    const write = functionFor(field.table, words.length, options.many);
    const request: WriteRequest = { unit: options.unit, write, address: field.address, values: words };
    steps.push({ name: metric, value, request, field, mask });
  }
  return steps;
}

function functionFor(table: Table, count: number, many: boolean): WriteFunction {
  const single = count === 1 && !many;
  if (table === 'coil') return single ? 5 : 15;
  return single ? 6 : 16;
}

const isWord = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff;

/** Most values by the standard: 1968 coils, 123 registers. */
function rawStep(order: Readonly<Record<string, unknown>>, unit: number): Step[] | { refused: string } {
  const { address, value } = order;
  const write = writeFunctions.find(one => one === order['function']);
  if (write === undefined) return { refused: expected('function', '5, 6, 15 or 16', order['function']) };
  if (!isWord(address)) return { refused: expected('address', '0 to 65535, as in the protocol', address) };
  const coils = write === 5 || write === 15;
  const given: unknown = order['values'] ?? [value];
  const values = (Array.isArray(given) ? given : [given]).map((one: unknown) =>
    one === true ? 1 : one === false ? 0 : one,
  );
  const most = write === 5 || write === 6 ? 1 : coils ? 1968 : 123;
  const fits = (one: unknown): one is number => isWord(one) && (!coils || one <= 1);
  if (values.length === 0 || values.length > most || address + values.length > 0x10000)
    return { refused: expected('values', `1 to ${most} of them`, values.length) };
  if (!values.every(fits)) return { refused: expected('values', coils ? '0 or 1' : 'words from 0 to 65535', values) };
  const request: WriteRequest = { unit, write, address, values };
  const name = `${coils ? 'coil' : 'holding'} ${address}`;
  return [{ name, value: values.length === 1 ? values[0] : values, request, field: undefined, mask: undefined }];
}

/**
 * Nobody can have carried it out. Not so where the unit took it and is still at it (05), or where its gateway gave up
 * waiting for it (0B).
 */
function isRefused(error: unknown): boolean {
  if (!(error instanceof ModbusFault)) return false;
  return error.unsent || (error.trouble === 'exception' && error.exception !== 5 && error.exception !== 11);
}

/** Only the bits that were written count. */
function same(got: readonly number[], wanted: readonly number[], mask: bigint | undefined): boolean {
  if (mask === undefined) return got.every((word, at) => word === wanted[at]);
  return (numberOf(got) & mask) === (numberOf(wanted) & mask);
}

function decodedOf(field: Field | undefined, bytes: Uint8Array): unknown {
  if (field === undefined) return undefined;
  const decoded = decodeField(field, bytes);
  return 'value' in decoded ? decoded.value : null;
}

const wordsOf = (bytes: Uint8Array): number[] =>
  Array.from({ length: bytes.length / 2 }, (_, at) => ((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0));
const bitsOf = (bytes: Uint8Array, count: number): number[] =>
  Array.from({ length: count }, (_, at) => ((bytes[at >> 3] ?? 0) >> (at & 7)) & 1);
