// The contract between a bus and its transport: one established connection that asks, and how to establish one.

/** The four tables of the data model (Modbus Application Protocol V1.1b3 §4.3). */
export const tables = ['coil', 'discrete', 'holding', 'input'] as const;
export type Table = (typeof tables)[number];

/** Function code that reads a table. */
export const readFunction = { coil: 1, discrete: 2, holding: 3, input: 4 } as const satisfies Record<Table, number>;

export const isBitTable = (table: Table): boolean => table === 'coil' || table === 'discrete';

/** `address` is the 0-based address of the protocol; `count` is registers, or bits of a bit table. */
export type ReadRequest = { unit: number; table: Table; address: number; count: number };

/** Functions that write: one coil, one register, many coils, many registers. */
export const writeFunctions = [5, 6, 15, 16] as const;
export type WriteFunction = (typeof writeFunctions)[number];

/** `values` are words, or 0 and 1 for coils; exactly one with functions 5 and 6. */
export type WriteRequest = { unit: number; write: WriteFunction; address: number; values: readonly number[] };

export type Request = ReadRequest | WriteRequest;

export const isWrite = (request: Request): request is WriteRequest => 'write' in request;

/** Bytes of data in the answer: two per register, eight bits per byte (bit 0 of byte 0 first); none for a write. */
export function answerBytes(request: Request): number {
  if (isWrite(request)) return 0;
  return isBitTable(request.table) ? Math.ceil(request.count / 8) : request.count * 2;
}

/** `input 4-7 of unit 2`, `write of holding 4 of unit 2`, as it stands in messages. */
export function nameOf(request: Request): string {
  const { unit, address } = request;
  const count = isWrite(request) ? request.values.length : request.count;
  const table = isWrite(request)
    ? `write of ${request.write === 5 || request.write === 15 ? 'coil' : 'holding'}`
    : request.table;
  return `${table} ${count === 1 ? address : `${address}-${address + count - 1}`} of unit ${unit}`;
}

export type Asking = {
  /** Whom a missing answer speaks against; a unit that was silent on the link before this one, too, says nothing about the link. */
  blame?: 'link' | 'unit';
  /** Milliseconds that the unit took, without the time on the wire; `late`: the request had been given up by then. */
  heard?: (ms: number, late: boolean) => void;
};

export type Link = {
  /**
   * The data bytes of the answer, exactly `answerBytes(request)` of them. Rejects with a ModbusFault: after `timeoutMs`
   * from the moment at which the line was free for it (on a serial line also the time for a late answer), at once when
   * the link ends.
   */
  ask(request: Request, timeoutMs: number, asking?: Asking): Promise<Uint8Array>;
  readonly alive: boolean;
  /** Resolves with the reason when the link is no more, from whichever side. */
  readonly ended: Promise<string>;
  end(reason: string): void;
};

/** Establishes a link or rejects with a ModbusFault; bounded in time; the signal gives it up. */
export type Connect = (signal: AbortSignal) => Promise<Link>;
