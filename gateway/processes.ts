// Child processes and their ids on disk, so that the next start can end what a killed gateway left behind.
import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import path from 'node:path';
import { readJson, writePrivate } from './private-file.ts';
import { codeOf } from '../src/reading/error-code.ts';

/** `started` tells a process from a later one that got the same number. */
export type ProcessId = { part: string; pid: number; started: string };

export type Processes = {
  record(part: string, pid: number): void;
  forget(pid: number): void;
  /** Ends what an earlier gateway recorded and left running; resolves with what it ended. */
  endLeftovers(): Promise<readonly ProcessId[]>;
  /** Last thing of a stop: whatever child still runs ends now. */
  endAll(): Promise<void>;
};

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

/** Boot and clock tick at which the process began (proc(5), field 22 of stat); undefined when it does not run. */
export function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command, field 2, may itself hold blanks and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : `${bootId()}:${fields[19]}`;
  } catch {
    return undefined;
  }
}

export function isRunning(id: Pick<ProcessId, 'pid' | 'started'>): boolean {
  return startOf(id.pid) === id.started;
}

/** Working directory and program of a process; undefined when it is gone or not ours to see. */
export function placeOf(pid: number): { cwd: string; program: string } | undefined {
  try {
    return { cwd: readlinkSync(`/proc/${pid}/cwd`), program: path.basename(readlinkSync(`/proc/${pid}/exe`)) };
  } catch {
    return undefined;
  }
}

/** The process may end between the look and the signal. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

/** Polls, since a process that is not our child gives no event; true when `done` came true within the time. */
export async function until(done: () => boolean, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs;
  while (!done()) {
    if (performance.now() >= end) return false;
    await wait(20);
  }
  return true;
}

export function processesIn(directory: string): Processes {
  const file = path.join(directory, 'processes.json');
  const left = (readJson<ProcessId[]>(file) ?? []).filter(id => Number.isInteger(id?.pid) && isRunning(id));
  let current: ProcessId[] = [...left];
  const save = () => writePrivate(file, `${JSON.stringify(current)}\n`);
  return {
    record(part, pid) {
      const started = startOf(pid);
      if (started === undefined) return;
      current.push({ part, pid, started });
      save();
    },
    forget(pid) {
      current = current.filter(id => id.pid !== pid);
      save();
    },
    async endLeftovers() {
      for (const id of left) {
        // SIGINT is PostgreSQL's fast shutdown and an ordinary end for everything else.
        signal(id.pid, 'SIGINT');
        if (!(await until(() => !isRunning(id), 20_000))) signal(id.pid, 'SIGKILL');
        await until(() => !isRunning(id), 5_000);
      }
      current = current.filter(id => !left.includes(id));
      save();
      return left;
    },
    async endAll() {
      for (const name of ['SIGQUIT', 'SIGKILL'] as const) {
        for (const id of current.filter(isRunning)) signal(id.pid, name);
        if (await until(() => !current.some(isRunning), 1000)) break;
      }
      current = [];
      save();
    },
  };
}
