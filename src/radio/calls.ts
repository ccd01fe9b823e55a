// Questions to the Bluetooth process and their answers: every one of them settles, whatever becomes of the process.
import { Fault } from '../kernel/fault.ts';
import type { FromChild, ToChild } from './child-messages.ts';

type Answer = Extract<FromChild, { id: number }>;
type Question = Extract<ToChild, { id: number }>;

export type Calls = {
  /** Rejects with a Fault FIELDLINE_RADIO of kind outage. */
  ask(question: (id: number) => Question, withinMs?: number): Promise<unknown>;
  settle(answer: Answer): void;
  /** All that wait fail. */
  fail(reason: string): void;
};

type Waiting = { resolve(value: unknown): void; reject(reason: Fault): void; timer: NodeJS.Timeout };

export function callsTo(tell: (question: Question) => void, usualMs: number): Calls {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  const faultOf = (reason: string): Fault => new Fault('FIELDLINE_RADIO', reason, { kind: 'outage' });

  function take(id: number): Waiting | undefined {
    const found = waiting.get(id);
    waiting.delete(id);
    clearTimeout(found?.timer);
    return found;
  }

  return {
    ask(question, withinMs = usualMs) {
      const id = ++lastId;
      return new Promise((resolve, reject) => {
        const late = (): void =>
          take(id)?.reject(faultOf(`the Bluetooth process did not answer within ${withinMs} ms`));
        waiting.set(id, { resolve, reject, timer: setTimeout(late, withinMs) });
        tell(question(id));
      });
    },
    settle(answer) {
      const found = take(answer.id);
      if ('error' in answer) found?.reject(faultOf(answer.error));
      else found?.resolve(answer.value);
    },
    fail(reason) {
      for (const id of [...waiting.keys()]) take(id)?.reject(faultOf(reason));
    },
  };
}
