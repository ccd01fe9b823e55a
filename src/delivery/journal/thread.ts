// Starts the journal's worker thread, from source and from the build alike, and tells of its end.
import { Worker } from 'node:worker_threads';
import { expected, Fault } from '../../kernel/fault.ts';
import type { Opened, Request, Response, Served } from './messages.ts';

export type Thread = {
  readonly opened: Opened;
  post(request: Request): void;
  /** Called once, before anything is posted. `onEnd` comes once, when the thread has ended for whatever reason. */
  listen(onResponse: (response: Response) => void, onEnd: (reason: Fault) => void): void;
  /** Ends the thread where it stands. */
  stop(): void;
};

const workerFile = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';

/** Rejects with a Fault of kind outage when the file cannot be used. */
export async function startThread(file: string, marked: readonly string[]): Promise<Thread> {
  const worker = new Worker(new URL(workerFile, import.meta.url), {
    workerData: { file, marked } satisfies Served,
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const faultOf = (reason: string): Fault =>
    new Fault('FIELDLINE_DIR', expected(file, 'a journal that this process can use', reason), { kind: 'outage' });
  let onResponse: (response: Response) => void = () => {};
  let onEnd: (reason: Fault) => void = () => {};
  let failure = 'its thread has ended';
  const opened = await new Promise<Opened>((resolve, reject) => {
    worker.on('message', (response: Response) => {
      if ('opened' in response) resolve(response.opened);
      else if ('unusable' in response) failure = response.unusable;
      else onResponse(response);
    });
    worker.on('error', error => {
      failure = error.message;
    });
    worker.on('exit', () => {
      const reason = faultOf(failure);
      reject(reason);
      onEnd(reason);
    });
  });
  return {
    opened,
    post: request => worker.postMessage(request),
    listen(response, end) {
      onResponse = response;
      onEnd = end;
    },
    stop: () => void worker.terminate(),
  };
}
