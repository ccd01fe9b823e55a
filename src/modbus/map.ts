// Register maps: JSON text of one instrument to typed fields; every fault named by file, register, what was expected and what is there.
import { expected, Fault, reasonOf } from '../kernel/fault.ts';
import { type AddressBase, addressBases } from './address.ts';
import { type Complain, isObject, type Json, knownKeys, number, oneOf, textOf } from './check.ts';
import type { Field } from './field.ts';
import { type Table, tables } from './link.ts';
import { fieldOf, orderOf, type Parameters } from './register.ts';
import { type Registers, type Worked, workedOf } from './worked.ts';

export type RegisterMap = {
  name: string;
  title: string;
  /** Where the addresses come from. */
  document: string;
  page: string;
  /** What the registers were compared with besides, and which of them. */
  checked: readonly string[];
  base: AddressBase;
  table: Table | undefined;
  /** Addresses are offsets in models, which are found on the device. */
  sunspec: boolean;
  /** What the device takes less of than others, where it does. */
  limits: { maxWords?: number; gapBudget?: number };
  fields: readonly Field[];
  /** Registers as the document writes them and what they must give; shipped maps are tested with it. */
  example: Example | undefined;
  /** What others print or have read of such a device, which must come out here, too. */
  worked: readonly Worked[];
};

/** `from`: who printed or read these words. */
export type Example = {
  from: string;
  registers: Registers;
  gives: Readonly<Record<string, unknown>>;
};

const MAX_BYTES = 1_000_000;
const MAX_REGISTERS = 2000;
export const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** Keys a map may have; `register-map.schema.json` shows the same ones to text editors. */
export const mapKeys = [
  '$schema',
  'name',
  'title',
  'document',
  'page',
  'checked',
  'note',
  'base',
  'table',
  'order',
  'sunspec',
  'maxWords',
  'gapBudget',
  'parameters',
  'registers',
  'example',
  'worked',
];

/** Reads a map. Throws a Fault that lists what is wrong (the first five). `file` names the source in messages. */
export function parseMap(text: string, file: string, parameters: Parameters = {}): RegisterMap {
  const faults: string[] = [];
  const complain: Complain = (where, what, got) => {
    faults.push(expected(where === '' ? file : `${file}, ${where}`, what, got));
    return undefined;
  };
  const map = mapOf(jsonOf(text, file), complain, parameters);
  if (faults.length > 0) throw new Fault('FIELDLINE_MODBUS', faults.slice(0, 5).join('; '));
  return map;
}

function jsonOf(text: string, file: string): Json {
  if (text.length > MAX_BYTES)
    throw new Fault('FIELDLINE_MODBUS', expected(file, `a map of at most ${MAX_BYTES} bytes`, text.length));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Fault('FIELDLINE_MODBUS', `${file}: expected JSON, got a text that is none (${reasonOf(error)})`);
  }
  if (!isObject(value)) throw new Fault('FIELDLINE_MODBUS', expected(file, 'an object', value));
  return value;
}

function mapOf(json: Json, complain: Complain, given: Parameters): RegisterMap {
  knownKeys(json, mapKeys, '', complain);
  const name = json['name'];
  if (typeof name !== 'string' || !NAME.test(name))
    complain('name', 'lower-case letters, digits, dots and dashes', name);
  const base = oneOf(json['base'] ?? 0, addressBases, 'base', complain) ?? 0;
  const sunspec = oneOf(json['sunspec'] ?? false, [true, false], 'sunspec', complain) ?? false;
  if (sunspec && json['base'] !== undefined) complain('base', 'none: SunSpec counts in models', json['base']);
  const named = json['table'] === undefined ? undefined : oneOf(json['table'], tables, 'table', complain);
  const table = sunspec ? 'holding' : named;
  const order = orderOf(json['order'], 'ABCD', 'order', complain);
  const limit = (key: string, low: number) =>
    json[key] === undefined
      ? undefined
      : (number(json[key], [low, 125], true) ?? complain(key, `${low} to 125`, json[key]));
  const maxWords = limit('maxWords', 1);
  const gapBudget = limit('gapBudget', 0);
  const parameters = parametersOf(json['parameters'] ?? {}, given, complain);
  const registers = json['registers'];
  if (!Array.isArray(registers) || registers.length === 0 || registers.length > MAX_REGISTERS) {
    complain('registers', `a list of 1 to ${MAX_REGISTERS}`, Array.isArray(registers) ? registers.length : registers);
  }
  const seen = new Set<string>();
  const fields = (Array.isArray(registers) ? registers.slice(0, MAX_REGISTERS) : []).map((one: unknown, at) =>
    fieldOf(one, at, { base, table, order, sunspec, parameters, seen, complain }),
  );
  return {
    name: String(name),
    title: textOf(json, 'title', complain) || String(name),
    document: textOf(json, 'document', complain),
    page: textOf(json, 'page', complain),
    checked: checkedOf(json['checked'] ?? [], complain),
    base,
    table,
    sunspec,
    limits: { ...(maxWords !== undefined && { maxWords }), ...(gapBudget !== undefined && { gapBudget }) },
    fields: fields.filter(field => field !== undefined),
    example: exampleOf(json['example'], complain),
    worked: workedOf(json['worked'] ?? [], complain),
  };
}

function parametersOf(value: unknown, given: Parameters, complain: Complain): Parameters {
  const parameters: Record<string, number> = {};
  if (!isObject(value)) complain('parameters', 'an object', value);
  else
    for (const [name, one] of Object.entries(value)) {
      const initial = isObject(one) ? number(one['value']) : number(one);
      if (initial === undefined || initial === 0) complain(`parameters, ${name}`, 'a number other than 0', one);
      parameters[name] = initial ?? 1;
    }
  for (const [name, one] of Object.entries(given)) {
    if (!Object.hasOwn(parameters, name))
      complain('parameters', `one of ${Object.keys(parameters).join(', ') || 'none'}`, name);
    else if (number(one) === undefined || one === 0) complain(`parameters, ${name}`, 'a number other than 0', one);
    else parameters[name] = one;
  }
  return parameters;
}

function checkedOf(value: unknown, complain: Complain): readonly string[] {
  if (Array.isArray(value) && value.every(one => typeof one === 'string')) return value;
  complain('checked', 'a list of texts', value);
  return [];
}

function exampleOf(value: unknown, complain: Complain): Example | undefined {
  if (value === undefined) return undefined;
  if (!isObject(value) || !isObject(value['registers']) || !isObject(value['gives']))
    return complain('example', 'registers and gives', value);
  for (const [address, words] of Object.entries(value['registers']))
    if (!Array.isArray(words)) complain(`example, registers, ${address}`, 'a list of words', words);
  const from = textOf(value, 'from', (_, what, got) => complain('example, from', what, got));
  return { from, registers: value['registers'] as Example['registers'], gives: value['gives'] };
}
