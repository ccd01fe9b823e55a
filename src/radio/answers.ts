// Answers of a controller to commands, and what noble gets of them: it throws on those that are short, waits for ever where
// a refusal takes the place of a value, and looks for each in one of the two events alone.
import { COMMAND, EVENT, eventPacket } from './hci.ts';

export type CommandAnswer = {
  opcode: number;
  status: number;
  /** Return parameters behind the status. */
  values: Buffer;
  /** Commands that the controller takes now. */
  credits: number;
  /** The command is carried out, and its end is yet to be told. */
  pending: boolean;
};

/** Commands whose answer is a status; what comes of them is told by events of their own. */
const BEGINNINGS: ReadonlySet<number> = new Set([
  COMMAND.disconnect,
  COMMAND.leCreateConnection,
  COMMAND.leExtendedCreateConnection,
  COMMAND.leUpdateConnection,
  COMMAND.leStartEncryption,
]);

/** What noble reads without looking, where the controller refuses or leaves it out: the least that every controller has. */
const LEAST: ReadonlyMap<number, Buffer> = new Map([
  // Version 4.0, the first with Low Energy.
  [COMMAND.readLocalVersion, Buffer.of(6, 0, 0, 6, 0xff, 0xff, 0, 0)],
  [COMMAND.readLeHost, Buffer.of(1, 0)],
  [COMMAND.readBdAddr, Buffer.alloc(6)],
  // One packet of 27 bytes (Core 5.4, Vol 4 Part E §7.8.2), here and in the older command.
  [COMMAND.leReadBufferSize, Buffer.of(27, 0, 1)],
  [COMMAND.readBufferSize, Buffer.of(27, 0, 0, 1, 0, 0, 0)],
]);

/** Reads a command complete or command status event; undefined where it is too short to say which command it answers. */
export function answerIn(packet: Buffer): CommandAnswer | undefined {
  if (packet[1] === EVENT.commandComplete && packet.length >= 6)
    return {
      opcode: packet.readUInt16LE(4),
      status: packet[6] ?? 0,
      values: packet.subarray(7),
      credits: packet[3]!,
      pending: false,
    };
  if (packet[1] !== EVENT.commandStatus || packet.length < 7) return undefined;
  const opcode = packet.readUInt16LE(5);
  const status = packet[3]!;
  const pending = status === 0 && !BEGINNINGS.has(opcode);
  return { opcode, status, values: Buffer.alloc(0), credits: packet[4]!, pending };
}

/** The event that noble waits for, long enough for it. */
export function eventForNoble({ opcode, status, values }: CommandAnswer): Buffer {
  const code = Buffer.of(opcode & 0xff, opcode >> 8);
  if (BEGINNINGS.has(opcode)) return eventPacket(EVENT.commandStatus, Buffer.of(status, 1, ...code));
  const least = LEAST.get(opcode);
  if (least === undefined) return eventPacket(EVENT.commandComplete, Buffer.of(1, ...code, status, ...values));
  const told = status === 0 ? values : Buffer.alloc(0);
  return eventPacket(EVENT.commandComplete, Buffer.of(1, ...code, 0, ...told, ...least.subarray(told.length)));
}
