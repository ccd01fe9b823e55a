// What a simulated unit answers when nothing is wrong with it: its registers, and the exceptions of the standard.
import {
  isBitTable,
  type Request,
  readFunction,
  type Table,
  tables,
  type WriteRequest,
  writeFunctions,
} from './link.ts';
import { type Message, packBits } from './pdu.ts';

/** A unit: the word (or bit 0/1) at a 0-based address; undefined = there is none, answered with exception 02. */
export type Unit = (table: Table, address: number) => number | undefined;
/** Carries a write out; the exception code where it refuses. */
export type Write = (request: WriteRequest) => number | undefined;

/** The read or write a message asks for, or undefined where its function is none of those, or its length is wrong. */
export function requestOf({ unit, pdu }: Message): Request | undefined {
  const bytes = Buffer.from(pdu);
  const table = tables.find(one => readFunction[one] === pdu[0]);
  if (table !== undefined)
    return pdu.length === 5 ? { unit, table, address: bytes.readUInt16BE(1), count: bytes.readUInt16BE(3) } : undefined;
  const write = writeFunctions.find(one => one === pdu[0]);
  if (write === undefined || pdu.length < 5) return undefined;
  const address = bytes.readUInt16BE(1);
  const second = bytes.readUInt16BE(3);
  if (write === 5) return { unit, write, address, values: [second === 0xff00 ? 1 : 0] };
  if (write === 6) return { unit, write, address, values: [second] };
  const values = Array.from({ length: second }, (_, at) =>
    write === 15 ? ((pdu[6 + (at >> 3)] ?? 0) >> (at & 7)) & 1 : ((pdu[6 + 2 * at] ?? 0) << 8) | (pdu[7 + 2 * at] ?? 0),
  );
  return { unit, write, address, values };
}

export const exceptionPdu = (code: number, exception: number): Uint8Array => Uint8Array.of(code | 0x80, exception);

/** Function code and data of the right answer. */
export function answerOf(message: Message, units: ReadonlyMap<number, Unit>, write: Write): Uint8Array {
  const [code = 0] = message.pdu;
  const request = requestOf(message);
  if (request === undefined) return exceptionPdu(code, 1);
  const device = units.get(request.unit);
  // As a gateway answers for a unit that is not there.
  if (device === undefined && request.unit !== 0) return exceptionPdu(code, 11);
  if ('write' in request) {
    const refused = write(request);
    return refused === undefined ? message.pdu.slice(0, 5) : exceptionPdu(code, refused);
  }
  const { table, address, count } = request;
  if (count < 1 || count > (isBitTable(table) ? 2000 : 125)) return exceptionPdu(code, 3);
  const values: number[] = [];
  for (let at = address; at < address + count; at++) {
    const value = at > 0xffff ? undefined : device?.(table, at);
    if (value === undefined) return exceptionPdu(code, 2);
    values.push(value);
  }
  const data = isBitTable(table) ? packBits(values) : values.flatMap(word => [(word >> 8) & 0xff, word & 0xff]);
  return Uint8Array.of(code, data.length, ...data);
}
