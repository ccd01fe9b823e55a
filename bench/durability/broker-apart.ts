// A broker beside the gateway that keeps what it has acknowledged over kill -9: started, killed, stopped and started again on one port and file.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '../machine.ts';

export type BrokerApart = {
  readonly url: string;
  start(): Promise<void>;
  /** Resolves when the process has ended. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  remove(): Promise<void>;
};

/** Resolves when it listens. */
export async function startBrokerApart(): Promise<BrokerApart> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-broker-'));
  const port = await freePort();
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const started = fork(new URL('./broker-process.ts', import.meta.url), [path.join(folder, 'journal'), String(port)]);
    child = started;
    await Promise.race([
      once(started, 'message'),
      once(started, 'exit').then(([code]) => {
        throw new Error(`the broker ended with ${code}`);
      }),
    ]);
  }

  async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  await start();
  return {
    url: `mqtt://127.0.0.1:${port}`,
    start,
    end,
    async remove() {
      await end('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
