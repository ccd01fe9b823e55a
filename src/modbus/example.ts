// Runs the example of a register map: its registers, decoded, must give what it says.
import { isDeepStrictEqual } from 'node:util';
import { expected } from '../kernel/fault.ts';
import { type AddressBase, protocolAddress } from './address.ts';
import { isBitTable, type Table } from './link.ts';
import type { Example, RegisterMap } from './map.ts';
import type { Place } from './field.ts';
import { placed, sunspecChain } from './sunspec.ts';
import { decodeField } from './values.ts';

/** What the map's example does not give as it says; empty when all is well, or where there is no example. */
export function exampleFaults(map: RegisterMap): string[] {
  if (map.example === undefined) return [];
  const faults: string[] = [];
  const memory = memoryOf(map.example, map.base, map.table, faults);
  const seen = new Set<string>();
  const fields = map.sunspec ? placed(map.fields, modelsIn(memory)).fields : map.fields;
  for (const field of fields) {
    const bytes = bytesOf(field, memory);
    if (bytes === undefined) continue;
    seen.add(field.metric);
    const decoded = decodeField(field, bytes, field.factor && bytesOf(field.factor, memory));
    const value = 'value' in decoded ? decoded.value : undefined;
    const wanted = map.example.gives[field.metric];
    if (!isDeepStrictEqual(value, wanted))
      faults.push(expected(`example, ${field.metric}`, JSON.stringify(wanted), value));
  }
  for (const metric of Object.keys(map.example.gives))
    if (!seen.has(metric)) faults.push(expected(`example, ${metric}`, 'a metric whose registers are given', metric));
  return faults;
}

type Memory = ReadonlyMap<string, number>;
const cell = (table: Table, address: number) => `${table}:${address}`;

function memoryOf(example: Example, base: AddressBase, table: Table | undefined, faults: string[]): Memory {
  const memory = new Map<string, number>();
  for (const [key, words] of Object.entries(example.registers)) {
    const [written, named] = key.split(':').reverse() as [string, Table | undefined];
    const start = protocolAddress(written, base, named ?? (base === '4xxxx' ? undefined : table));
    if ('expected' in start) {
      faults.push(expected('example, registers', start.expected, key));
      continue;
    }
    for (const [at, word] of words.entries()) {
      const value = typeof word === 'number' ? word & 0xffff : Number.parseInt(word, 16);
      memory.set(cell(start.table, start.address + at), value);
    }
  }
  return memory;
}

function modelsIn(memory: Memory) {
  const walk = sunspecChain();
  let step = walk.next();
  while (!step.done)
    step = walk.next(bytesOf({ metric: 'chain', table: 'holding', address: step.value.address, span: 2 }, memory));
  return step.value ?? [];
}

function bytesOf(field: Place, memory: Memory): Uint8Array | undefined {
  const words: number[] = [];
  for (let at = 0; at < field.span; at++) {
    const word = memory.get(cell(field.table, field.address + at));
    if (word === undefined) return undefined;
    words.push(word);
  }
  return isBitTable(field.table)
    ? Uint8Array.from(words)
    : Uint8Array.from(words.flatMap(word => [word >> 8, word & 0xff]));
}
