// Register addresses as documents write them: counted from 0, from 1, or with the table as leading digit (40001, 400001).
import type { Table } from './link.ts';

/** `0` and `1`: number of the first register in the document. `4xxxx`: the leading digit names the table, counted from 1. */
export const addressBases = [0, 1, '4xxxx'] as const;
export type AddressBase = (typeof addressBases)[number];

/** Leading digit of a reference number (Modicon notation). */
const tableOfDigit: Readonly<Record<string, Table>> = { 0: 'coil', 1: 'discrete', 3: 'input', 4: 'holding' };

export const LAST_ADDRESS = 0xffff;

/** Table and 0-based protocol address, or what was expected instead. `table` is what the map says, if it does. */
export function protocolAddress(
  written: number | string,
  base: AddressBase,
  table: Table | undefined,
): { table: Table; address: number } | { expected: string } {
  const text = String(written);
  if (!/^\d{1,6}$/.test(text)) return { expected: 'a whole number' };
  if (base !== '4xxxx') {
    const address = Number(text) - base;
    if (address < 0 || address > LAST_ADDRESS) return { expected: `a number from ${base} to ${LAST_ADDRESS + base}` };
    return table === undefined
      ? { expected: 'a table (holding, input, coil, discrete) beside it' }
      : { table, address };
  }
  // 5 digits count to 9999, 6 digits to 65536; coils lose their leading zeros when they are written as a number.
  const digits = text.padStart(5, '0');
  const named = tableOfDigit[digits[0] as string];
  const address = Number(digits.slice(1)) - 1;
  if (named === undefined || address < 0 || address > LAST_ADDRESS)
    return { expected: 'a reference such as 40001, 400001, 30001, 10001 or 00001' };
  if (table !== undefined && table !== named) return { expected: `a reference of table ${table}, not of ${named}` };
  return { table: named, address };
}

/** The reference number of an address: five digits as far as they go, six behind. */
export function referenceOf(table: Table, address: number): string {
  const digit = Object.keys(tableOfDigit).find(one => tableOfDigit[one] === table) ?? '';
  return digit + String(address + 1).padStart(address < 9999 ? 4 : 5, '0');
}
