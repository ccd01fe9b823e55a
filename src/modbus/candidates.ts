// "Which one looks right?": the value of a register in every word order, and at the addresses before and after it.
import type { Value } from '../reading/reading.ts';
import type { Bus } from './bus.ts';
import { ModbusFault, shortReason } from './fault.ts';
import { type Field, type WordOrder, wordOrders } from './field.ts';
import { isBitTable } from './link.ts';
import { decodeField } from './values.ts';

/** `shift`: -1, 0 or 1 register from where the map says. Scale factors of SunSpec are left out. */
export type Candidate = { shift: number; order: WordOrder } & ({ value: Value } | { absent: string });

/** Reads each shift by itself, since a device may refuse one of them. */
export async function candidatesOf(bus: Pick<Bus, 'read'>, unit: number, field: Field): Promise<Candidate[]> {
  const orders = isBitTable(field.table) || field.type === 'bool' ? (['ABCD'] as const) : wordOrders;
  const found: Candidate[] = [];
  for (const shift of [-1, 0, 1]) {
    const address = field.address + shift;
    if (address < 0 || address + field.span > 0x10000) continue;
    const words = await read(bus, unit, field, address);
    for (const order of orders) {
      const decoded = words instanceof Uint8Array ? decodeField({ ...field, order, factor: undefined }, words) : words;
      found.push({ shift, order, ...decoded });
    }
  }
  return found;
}

async function read(
  bus: Pick<Bus, 'read'>,
  unit: number,
  { table, span }: Field,
  address: number,
): Promise<Uint8Array | { absent: string }> {
  try {
    return await bus.read({ unit, table, address, count: span });
  } catch (fault) {
    if (fault instanceof ModbusFault && fault.trouble === 'exception') return { absent: shortReason(fault) };
    throw fault;
  }
}
