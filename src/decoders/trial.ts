// Tries a user's decoder files in a thread of their own before they are loaded: one that does not end must not stop the flow.
import { Worker } from 'node:worker_threads';
import type { DecoderFile } from './load-folder.ts';

/** What the thread is asked, one at a time, and what it answers when the file has been tried, however that went. */
export type Trial = { href: string };
export type Tried = { tried: string };

// Plenty on a Pi under load; a file takes some milliseconds.
const LIMIT_MS = 5000;
// Starting a thread on a loaded Pi.
const START_MS = 20_000;
const MEMORY_MB = 96;

const workerFile = import.meta.url.endsWith('.ts') ? './trial-worker.ts' : './trial-worker.js';

/**
 * Gives the files that must not be loaded, with the reason. What else is wrong with a file shows when it is loaded. A
 * file is tried once, until it changes.
 */
export function openTrial(limit = LIMIT_MS): (files: readonly DecoderFile[]) => Promise<ReadonlyMap<string, string>> {
  let sound: ReadonlySet<string> = new Set();
  return async files => {
    const faults = new Map<string, string>();
    let thread: Thread | undefined;
    for (const { file, href } of files) {
      if (sound.has(href)) continue;
      thread ??= await startThread(limit);
      const why = await thread.tryOut(href);
      if (why === undefined) continue;
      faults.set(file, `${file}: ${why}`);
      thread.stop();
      thread = undefined;
    }
    thread?.stop();
    sound = new Set(files.filter(({ file }) => !faults.has(file)).map(({ href }) => href));
    return faults;
  };
}

type Thread = { tryOut(href: string): Promise<string | undefined>; stop(): void };

async function startThread(limit: number): Promise<Thread> {
  const worker = new Worker(new URL(workerFile, import.meta.url), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  });
  let settle: (why?: string) => void = () => {};
  worker.on('message', () => settle());
  worker.on('error', error => settle(`ends its thread: ${error.message}`));
  worker.on('exit', () => settle('ends its thread while it is tried'));
  /** Undefined when the thread has answered, else why it has not. */
  const answer = (within: number): Promise<string | undefined> =>
    new Promise(resolve => {
      const timer = setTimeout(() => resolve(`does not end: ${within / 1000} s were not enough to try it`), within);
      settle = why => {
        clearTimeout(timer);
        resolve(why);
      };
    });
  await answer(START_MS);
  return {
    tryOut(href) {
      const tried = answer(limit);
      worker.postMessage({ href } satisfies Trial);
      return tried;
    },
    stop: () => void worker.terminate(),
  };
}
