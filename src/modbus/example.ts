// Runs the examples of a register map: their registers, decoded, must give what they say.
import { isDeepStrictEqual } from 'node:util';
import { expected, reasonOf } from '../kernel/fault.ts';
import { protocolAddress } from './address.ts';
import { isBitTable, type Table } from './link.ts';
import type { RegisterMap } from './map.ts';
import type { Place } from './field.ts';
import { placed, sunspecChain } from './sunspec.ts';
import { decodeField } from './values.ts';
import { answerIn, type Registers, type Worked } from './worked.ts';

/** What the map's example does not give as it says; empty when all is well, or where there is no example. */
export function exampleFaults(map: RegisterMap): string[] {
  if (map.example === undefined) return [];
  const faults: string[] = [];
  const memory = memoryOf(map.example.registers, map, faults);
  return [...faults, ...differences(map, memory, map.example.gives, 'example', isDeepStrictEqual)];
}

/** The same for what others print of such a device: their numbers are rounded. */
export const workedFaults = (map: RegisterMap): string[] =>
  map.worked.flatMap((one, at) => {
    const faults: string[] = [];
    const memory = 'answer' in one ? memoryOfFrames(one, faults) : memoryOf(one.registers, map, faults);
    const wanted = differences(map, memory, one.gives, 'worked', isRoundedTo);
    return [...faults, ...wanted].map(fault => `worked ${at + 1}: ${fault}`);
  });

/** Metrics whose registers are there but give something else, and those whose registers are not there. */
function differences(
  map: RegisterMap,
  memory: Memory,
  gives: Readonly<Record<string, unknown>>,
  where: string,
  same: (value: unknown, wanted: unknown) => boolean,
): string[] {
  const faults: string[] = [];
  const seen = new Set<string>();
  const fields = map.sunspec ? placed(map.fields, modelsIn(memory)).fields : map.fields;
  for (const field of fields) {
    const bytes = bytesOf(field, memory);
    if (bytes === undefined) continue;
    seen.add(field.metric);
    const decoded = decodeField(field, bytes, field.factor && bytesOf(field.factor, memory));
    const value = 'value' in decoded ? decoded.value : undefined;
    const wanted = gives[field.metric];
    if (!same(value, wanted)) faults.push(expected(`${where}, ${field.metric}`, JSON.stringify(wanted), value));
  }
  for (const metric of Object.keys(gives))
    if (!seen.has(metric)) faults.push(expected(`${where}, ${metric}`, 'a metric whose registers are given', metric));
  return faults;
}

/** 232.438 is what a document calls 232.4. */
function isRoundedTo(value: unknown, printed: unknown): boolean {
  if (typeof value !== 'number' || typeof printed !== 'number') return isDeepStrictEqual(value, printed);
  const decimals = (String(printed).split('.')[1] ?? '').length;
  return Number(value.toFixed(decimals)) === printed;
}

type Memory = ReadonlyMap<string, number>;
const cell = (table: Table, address: number) => `${table}:${address}`;

function memoryOf(registers: Registers, { base, table }: RegisterMap, faults: string[]): Memory {
  const memory = new Map<string, number>();
  for (const [key, words] of Object.entries(registers)) {
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

function memoryOfFrames({ request, answer }: Extract<Worked, { answer: string }>, faults: string[]): Memory {
  try {
    const { request: asked, data } = answerIn(request, answer);
    const words = Array.from({ length: data.length / 2 }, (_, at) => Buffer.from(data).readUInt16BE(at * 2));
    return new Map(words.map((word, at) => [cell(asked.table, asked.address + at), word]));
  } catch (error) {
    faults.push(reasonOf(error));
    return new Map();
  }
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
