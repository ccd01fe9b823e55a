// The contract between a bus and its transport: one established connection that reads, and how to establish one.

/** The four tables of the data model (Modbus Application Protocol V1.1b3 §4.3). */
export const tables = ['coil', 'discrete', 'holding', 'input'] as const;
export type Table = (typeof tables)[number];

/** Function code that reads a table. */
export const readFunction = { coil: 1, discrete: 2, holding: 3, input: 4 } as const satisfies Record<Table, number>;

export const isBitTable = (table: Table): boolean => table === 'coil' || table === 'discrete';

/** `address` is the 0-based address of the protocol; `count` is registers, or bits of a bit table. */
export type ReadRequest = { unit: number; table: Table; address: number; count: number };

/** Bytes of data in the answer: two per register, eight bits per byte (bit 0 of byte 0 first). */
export function answerBytes(request: ReadRequest): number {
  return isBitTable(request.table) ? Math.ceil(request.count / 8) : request.count * 2;
}

/** `input 4-7 of unit 2`, as it stands in messages. */
export function nameOf({ unit, table, address, count }: ReadRequest): string {
  return `${table} ${count === 1 ? address : `${address}-${address + count - 1}`} of unit ${unit}`;
}

export type Link = {
  /**
   * The data bytes of the answer, exactly `answerBytes(request)` of them. Rejects with a ModbusFault within `timeoutMs`,
   * at once when the link ends. `blame`: whom a missing answer speaks against; a unit that was silent on the link before
   * this one, too, says nothing about the link.
   */
  read(request: ReadRequest, timeoutMs: number, blame?: 'link' | 'unit'): Promise<Uint8Array>;
  readonly alive: boolean;
  /** Resolves with the reason when the link is no more, from whichever side. */
  readonly ended: Promise<string>;
  end(reason: string): void;
};

/** Establishes a link or rejects with a ModbusFault; bounded in time; the signal gives it up. */
export type Connect = (signal: AbortSignal) => Promise<Link>;
