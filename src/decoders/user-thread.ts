// A thread of its own for a user's decoder files: what never ends, takes all memory or ends its process ends there.
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { Advert } from '../reading/advert.ts';
import type { AdvertDecoder } from './define.ts';

/** `load` gives the facts of a decoder; `try` nothing, or what is wrong with it. */
export type Question = { href: string } & ({ ask: 'load' | 'try' } | { ask: 'matches' | 'decode'; advert: Advert });
/** A decoder without its functions, which stay in the thread. */
export type Facts = Omit<AdvertDecoder, 'matches' | 'decode'>;
export type Answer = { value: unknown } | { fault: string };

/** What the thread begins with: files to load before it is ready, and where both sides count their steps. */
export type Beginning = { hrefs: readonly string[]; steps: Int32Array; port: MessagePort };
export const READY = 0;
export const ANSWERED = 1;

export type UserThread = {
  /** Resolves when the files are loaded. From then on the thread keeps no process alive. */
  ready(): Promise<void>;
  /** One question at a time; the limit counts anew with each step that the thread says it has done. */
  ask(question: Question, limit: number): Promise<Answer>;
  /** The caller's thread does nothing else until the answer is there. */
  askAtOnce(question: Question, limit: number): Answer;
  /** Why it has ended or was ended; undefined while it can be asked. */
  ended(): string | undefined;
  stop(): void;
};

// Starting a thread on a loaded Pi; and where nothing else of the process goes on meanwhile.
const START_MS = 20_000;
const START_AT_ONCE_MS = 5000;
// More than can be taken within a limit, since a thread that comes to this bound in one leap takes the process with it.
const MEMORY_MB = 512;

const workerFile = import.meta.url.endsWith('.ts') ? './user-worker.ts' : './user-worker.js';

/** Starts a thread that loads `hrefs`. It ends when it gives no answer within the limit, in ms, of a question. */
export function startThread(hrefs: readonly string[] = []): UserThread {
  const steps = new Int32Array(new SharedArrayBuffer(8));
  const { port1: here, port2: port } = new MessageChannel();
  const worker = new Worker(new URL(workerFile, import.meta.url), {
    // What Node has to say of the kind of a file would stand in the log as it is; what matters of it is in the reason.
    execArgv: ['--no-warnings'],
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
    workerData: { hrefs, steps, port } satisfies Beginning,
    transferList: [port],
  });
  let why: string | undefined;
  function end(reason: string): void {
    why ??= reason;
    for (const at of [READY, ANSWERED]) {
      Atomics.add(steps, at, 1);
      Atomics.notify(steps, at);
    }
  }
  worker.on('error', error => end(`ends its thread: ${error.message}`));
  worker.on('exit', () => end('ends its thread'));

  const received = (): Answer | undefined => receiveMessageOnPort(here)?.message as Answer | undefined;
  function late(limit: number): Answer {
    end(`does not end: no answer within ${limit / 1000} s`);
    void worker.terminate();
    return { fault: why ?? '' };
  }

  return {
    async ready() {
      await Atomics.waitAsync(steps, READY, 0, START_MS).value;
      worker.unref();
    },
    async ask(question, limit) {
      await Atomics.waitAsync(steps, READY, 0, START_MS).value;
      let before = Atomics.load(steps, ANSWERED);
      here.postMessage(question);
      for (;;) {
        if (why === undefined) await Atomics.waitAsync(steps, ANSWERED, before, limit).value;
        const answer = received();
        if (answer !== undefined) return answer;
        const now = Atomics.load(steps, ANSWERED);
        if (now === before || why !== undefined) return late(limit);
        before = now;
      }
    },
    askAtOnce(question, limit) {
      Atomics.wait(steps, READY, 0, START_AT_ONCE_MS);
      const before = Atomics.load(steps, ANSWERED);
      here.postMessage(question);
      // In two halves: where the whole process was suspended, the first is over at once.
      for (let half = 0; half < 2; half++) Atomics.wait(steps, ANSWERED, before, limit / 2);
      return received() ?? late(limit);
    },
    ended: () => why,
    stop() {
      why ??= 'stopped';
      void worker.terminate();
    },
  };
}
