// What the journal has asked its thread and has no answer to yet: pages of entries, and copies of the file.
import { Fault } from '../../kernel/fault.ts';
import { type Answer, entriesOf, type Read } from './messages.ts';
import type { Entry } from './tail.ts';

type Done = Exclude<Answer, { fault: string }>;

export type Questions = {
  /** `send` is called at once, with the number that the answer will bear. */
  ask(send: (id: number) => void): Promise<Done>;
  /** Asks for a page of entries, which leaves with the next `reads`. */
  read(asked: Omit<Read, 'id'>): Promise<readonly Entry[]>;
  /** The reads that have not been sent yet: they are sent now. */
  reads(): Read[];
  answered(answer: Answer): void;
  /** No answer comes any more. */
  end(reason: Fault): void;
};

export function openQuestions(): Questions {
  const open = new Map<number, { resolve(done: Done): void; reject(fault: Fault): void }>();
  let last = 0;
  let unsent: Read[] = [];

  function ask(send: (id: number) => void): Promise<Done> {
    return new Promise((resolve, reject) => {
      open.set(++last, { resolve, reject });
      send(last);
    });
  }

  return {
    ask,
    async read(asked) {
      const { page } = await ask(id => unsent.push({ id, ...asked }));
      return page === undefined ? [] : entriesOf(page);
    },
    reads() {
      const reads = unsent;
      unsent = [];
      return reads;
    },
    answered(answer) {
      const question = open.get(answer.answers);
      open.delete(answer.answers);
      if ('fault' in answer) question?.reject(new Fault('FIELDLINE_DIR', answer.fault, { kind: 'outage' }));
      else question?.resolve(answer);
    },
    end(reason) {
      for (const { reject } of open.values()) reject(reason);
      open.clear();
    },
  };
}
