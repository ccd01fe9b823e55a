// Commands to the controller: one at a time where it is ours alone, as many as it takes, each answered in time or the
// controller is given up.
import type { CommandAnswer } from './answers.ts';
import { opcodeOf } from './hci.ts';

export type CommandLane = {
  /** `onAnswer` is called once; with undefined on silence where `mayBeSilent`, which else is `onSilence`. */
  push(packet: Buffer, onAnswer: (answer: CommandAnswer | undefined) => void, mayBeSilent?: boolean): void;
  /** True: a command from here was waiting for it. */
  answer(answer: CommandAnswer): boolean;
  close(): void;
};

export type CommandLaneOptions = {
  send: (packet: Buffer) => void;
  /** The next command waits for the answer to the last. */
  oneByOne: boolean;
  timeoutMs: number;
  onSilence: (opcode: number) => void;
};

type Command = { packet: Buffer; opcode: number; onAnswer: (answer?: CommandAnswer) => void; mayBeSilent: boolean };
type Sent = Command & { timer: NodeJS.Timeout };
// More than noble ever has to say at once: a controller that takes none of them is given up long before.
const MAX_WAITING = 256;
/** Controllers that only begin a command and tell no end have done it by then, and those that count no commands take more. */
const GRACE = 0.1;

export function commandLane({ send, oneByOne, timeoutMs, onSilence }: CommandLaneOptions): CommandLane {
  const waiting: Command[] = [];
  const sent: Sent[] = [];
  /** The controller takes no command at the moment. */
  let full: NodeJS.Timeout | undefined;

  const mayGo = (): boolean => !oneByOne || (sent.length === 0 && full === undefined);
  function next(): void {
    while (waiting.length > 0 && mayGo()) {
      const command = waiting.shift()!;
      const one: Sent = { ...command, timer: setTimeout(() => silence(one), timeoutMs) };
      sent.push(one);
      send(command.packet);
    }
  }

  function allow(credits: number): void {
    clearTimeout(full);
    full = undefined;
    if (credits === 0) full = setTimeout(allowNow, timeoutMs * GRACE);
  }
  function allowNow(): void {
    full = undefined;
    next();
  }

  function silence(one: Sent): void {
    if (one.mayBeSilent) finish(one, undefined);
    else onSilence(one.opcode);
  }

  function finish(one: Sent, answer: CommandAnswer | undefined): void {
    clearTimeout(one.timer);
    sent.splice(sent.indexOf(one), 1);
    one.onAnswer(answer);
    next();
  }

  return {
    push(packet, onAnswer, mayBeSilent = false) {
      if (waiting.length >= MAX_WAITING) return onSilence(opcodeOf(packet));
      waiting.push({ packet, opcode: opcodeOf(packet), onAnswer, mayBeSilent });
      next();
    },
    answer(answer) {
      allow(answer.credits);
      const one = sent.find(({ opcode }) => opcode === answer.opcode);
      if (one === undefined) next();
      else if (answer.pending) {
        clearTimeout(one.timer);
        one.timer = setTimeout(() => finish(one, answer), timeoutMs * GRACE);
      } else finish(one, answer);
      return one !== undefined;
    },
    close() {
      waiting.length = 0;
      clearTimeout(full);
      for (const { timer } of sent.splice(0)) clearTimeout(timer);
    },
  };
}
