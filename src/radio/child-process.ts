// Keeps the Bluetooth process alive: starts it, hears its heartbeat, kills it when it hangs, starts it again when it ends.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { backoff } from '../kernel/backoff.ts';
import type { FromChild, RadioTimes, ToChild } from './child-messages.ts';
import type { Controller } from './controller-name.ts';
import { heardCount } from './heard-count.ts';

export type RadioProcess = {
  /** Lost where no child runs at the moment. */
  tell(message: ToChild): void;
  /** The child that runs now; undefined between two. */
  readonly pid: number | undefined;
  close(): Promise<void>;
};

export type RadioProcessOptions = {
  controller: Controller;
  times: RadioTimes;
  onMessage: (message: FromChild) => void;
  /** Another child takes over soon; whatever waited for this one has failed. `heard`: adverts in its life. */
  onEnd: (reason: string, heard: number) => void;
};

const childFile = import.meta.url.endsWith('.ts') ? './child.ts' : './child.js';
// Small machines run this: its data is little and goes on at once, and optimised code would take more than it saves. An old
// generation of 16 MB is three times what is in use; with more, adverts that are long gone stay in memory until it is full.
// Nothing of an advert lives long, so nothing of it is to be made old from the start (docs/adr/0007).
const MEMORY = [
  '--max-old-space-size=16',
  '--max-semi-space-size=1',
  '--no-allocation-site-pretenuring',
  '--expose-gc',
  '--optimize-for-size',
  '--no-opt',
  '--no-maglev',
];
/** For the C library of Linux: one arena, and what is freed is given back. */
const MEMORY_ENVIRONMENT = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_MMAP_THRESHOLD_: '65536',
};
const LONGEST_WAIT_MS = 5000;
/** A small machine takes its time until the first word: twice as much, and twice that with each start that hung. */
const MOST_PATIENCE = 16;
const CLOSE_MS = 1500;
/** Where the child finds the file of its count: the first after the channel. */
const COUNT_AT = '4';
const KEPT_STDERR = 300;

export function radioProcess({ controller, times, onMessage, onEnd }: RadioProcessOptions): RadioProcess {
  const wait = backoff(times.restart, LONGEST_WAIT_MS);
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  /** In times of a process that runs. */
  let startPatience = 2;

  function start(): void {
    const heard = heardCount();
    const started = fork(fileURLToPath(new URL(childFile, import.meta.url)), heard === undefined ? [] : [COUNT_AT], {
      serialization: 'advanced',
      execArgv: ['--disable-warning=ExperimentalWarning', ...MEMORY],
      env: { ...MEMORY_ENVIRONMENT, ...process.env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc', ...(heard === undefined ? [] : [heard.file])],
    });
    child = started;
    let last = '';
    let heardAt = performance.now();
    let lookedAt = heardAt;
    let hung = false;
    let patience = times.hung * startPatience;
    const look = setInterval(() => {
      const now = performance.now();
      // When this process itself stood still, the messages of the child are still on their way.
      const late = now - lookedAt > times.hung / 2;
      lookedAt = now;
      if (late) heardAt = now;
      if (hung || now - heardAt < patience) return;
      hung = true;
      if (patience > times.hung) startPatience = Math.min(2 * startPatience, MOST_PATIENCE);
      started.kill('SIGKILL');
    }, times.hung / 8);
    started.stderr?.on('data', (text: Buffer) => {
      last = `${last}${text}`.slice(-KEPT_STDERR);
    });
    started.on('message', (message: FromChild) => {
      heardAt = performance.now();
      patience = times.hung;
      startPatience = 2;
      if ('state' in message && message.state.state === 'on') wait.reset();
      onMessage(message);
    });
    started.on('error', error => {
      last = error.message;
      if (started.pid === undefined) over('it could not be started');
    });
    // What the child said last may still be on its way when it has ended: over it is when the channel is empty, too.
    // Not `close`, which does not come once the channel was disconnected from this side.
    let way: string | undefined;
    const overWhenEmpty = (): void => {
      if (way !== undefined && !started.connected) over(way);
    };
    started.once('disconnect', overWhenEmpty);
    started.once('exit', (code, signal) => {
      way = signal ?? `exit code ${code}`;
      overWhenEmpty();
    });
    function over(how: string): void {
      clearInterval(look);
      child = undefined;
      const inItsLife = heard?.read() ?? 0;
      heard?.close();
      onEnd(
        `the Bluetooth process ended: ${hung ? `it hung for ${patience / 1000} s` : how}${last === '' ? '' : `: ${last.trim().split('\n').at(-1)}`}`,
        inItsLife,
      );
      if (!closed) timer = setTimeout(start, wait.next());
    }
    send(started, { open: controller, times });
  }

  function send(to: ChildProcess, message: ToChild): void {
    // A channel that broke is followed by the end of its process.
    if (to.connected) to.send(message, () => {});
  }

  start();
  return {
    tell(message) {
      if (child !== undefined) send(child, message);
    },
    get pid() {
      return child?.pid;
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      const last = child;
      if (last === undefined) return;
      const gone = new Promise<void>(resolve => last.once('exit', () => resolve()));
      if (last.connected) last.disconnect();
      const hard = setTimeout(() => last.kill('SIGKILL'), CLOSE_MS);
      await gone;
      clearTimeout(hard);
    },
  };
}
