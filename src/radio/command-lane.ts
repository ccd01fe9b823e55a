// Commands to the controller: one at a time where it is ours alone, each answered in time or the controller is given up.
import { EVENT, opcodeOf } from './hci.ts';

export type CommandLane = {
  /** `onAnswer` takes the return parameters (status first), or the status alone; without it the answer is noble's. */
  push(packet: Buffer, onAnswer?: (parameters: Buffer) => void): void;
  /** Looks at an event: the command that it answered, and whether the answer was for us alone. */
  answer(packet: Buffer): { command: Buffer; ours: boolean } | undefined;
  close(): void;
};

export type CommandLaneOptions = {
  send: (packet: Buffer) => void;
  /** The next command waits for the answer to the last. */
  oneByOne: boolean;
  timeoutMs: number;
  onSilence: (opcode: number) => void;
};

type Command = { packet: Buffer; opcode: number; onAnswer: ((parameters: Buffer) => void) | undefined };
// More than noble ever has to say at once: a controller that takes none of them is given up long before.
const MAX_WAITING = 256;

export function commandLane({ send, oneByOne, timeoutMs, onSilence }: CommandLaneOptions): CommandLane {
  const waiting: Command[] = [];
  const sent: { command: Command; timer: NodeJS.Timeout }[] = [];

  function next(): void {
    while (waiting.length > 0 && (!oneByOne || sent.length === 0)) {
      const command = waiting.shift()!;
      sent.push({ command, timer: setTimeout(() => onSilence(command.opcode), timeoutMs) });
      send(command.packet);
    }
  }

  return {
    push(packet, onAnswer) {
      if (waiting.length >= MAX_WAITING) return onSilence(opcodeOf(packet));
      waiting.push({ packet, opcode: opcodeOf(packet), onAnswer });
      next();
    },
    answer(packet) {
      const complete = packet[1] === EVENT.commandComplete;
      if (packet.length < (complete ? 6 : 7)) return undefined;
      const opcode = packet.readUInt16LE(complete ? 4 : 5);
      const at = sent.findIndex(({ command }) => command.opcode === opcode);
      if (at < 0) return undefined;
      const [answered] = sent.splice(at, 1);
      clearTimeout(answered!.timer);
      const { packet: command, onAnswer } = answered!.command;
      onAnswer?.(complete ? packet.subarray(6) : packet.subarray(3, 4));
      next();
      return { command, ours: onAnswer !== undefined };
    },
    close() {
      waiting.length = 0;
      for (const { timer } of sent.splice(0)) clearTimeout(timer);
    },
  };
}
