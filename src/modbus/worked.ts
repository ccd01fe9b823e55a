// Worked examples of a register map: requests and answers that a document prints, or that somebody saw on a device, with what they mean there.
import { expected } from '../kernel/fault.ts';
import { type Complain, isObject, textOf } from './check.ts';
import { isWrite, type ReadRequest } from './link.ts';
import { frameReader } from './mbap.ts';
import { answerData, answerFault, type Message } from './pdu.ts';
import { messageOf } from './rtu-frame.ts';
import { requestOf } from './simulated-unit.ts';

/** Words by the first address of a run in the notation of the map, `input:7` where the table differs from its own. */
export type Registers = Readonly<Record<string, readonly (number | string)[]>>;

/**
 * `of`: who says so, the maker's document or a device in the field. Either whole frames as they are printed, with their
 * checksum or TCP header, or the words alone. `gives`: values with as many decimals as stand there.
 */
export type Worked = {
  from: string;
  of: 'document' | 'device';
  gives: Readonly<Record<string, unknown>>;
} & ({ request: string; answer: string } | { registers: Registers });

export function workedOf(value: unknown, complain: Complain): readonly Worked[] {
  if (Array.isArray(value)) return value.flatMap((one: unknown, at) => oneOf(one, `worked ${at + 1}`, complain) ?? []);
  complain('worked', 'a list', value);
  return [];
}

function oneOf(value: unknown, where: string, complain: Complain): Worked | undefined {
  if (!isObject(value) || !isObject(value['gives'])) return complain(where, 'from, of, gives and what was read', value);
  const { of, request, answer, gives } = value;
  const from = textOf(value, 'from', (_, what, got) => complain(`${where}, from`, what, got));
  if (of !== 'document' && of !== 'device') return complain(`${where}, of`, 'document or device', of);
  if (typeof request === 'string' && typeof answer === 'string') return { from, of, gives, request, answer };
  if (!isObject(value['registers'])) return complain(where, 'request and answer, or registers', value);
  return { from, of, gives, registers: value['registers'] as Registers };
}

/** What a printed answer carries, read as from a line: what a transport would refuse is thrown with its reason. */
export function answerIn(request: string, answer: string): { request: ReadRequest; data: Uint8Array } {
  const asked = requestOf(messageIn(request));
  if (asked === undefined || isWrite(asked)) throw new Error(expected('request', 'one that reads', request));
  const came = messageIn(answer);
  const fault = answerFault(asked, came);
  if (fault !== undefined) throw new Error(fault);
  return { request: asked, data: answerData(asked, came.pdu) };
}

function messageIn(hex: string): Message {
  const bytes = Buffer.from(hex.replace(/\s/g, ''), 'hex');
  const message = messageOf(bytes) ?? frameReader()(bytes).frames[0];
  if (message === undefined) throw new Error(expected('frame', 'one with its checksum or its TCP header', hex));
  return message;
}
