// Mosquitto as the broker of MQTT_URL, where the machine has it: unlimited queues, so that it is never the one that loses.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePort } from './machine.ts';

export type Broker = { readonly url: string; stop(): Promise<void> };

/** Path of the program; undefined where it is not installed. */
export function mosquittoProgram(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map(folder => path.join(folder, 'mosquitto')).find(file => existsSync(file));
}

/** Nothing is kept on disk: the broker is never ended in these figures. Throws where it is not installed. */
export async function startMosquitto(): Promise<Broker> {
  const mosquitto = mosquittoProgram();
  if (mosquitto === undefined) throw new Error('Mosquitto is not installed');
  const folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-mosquitto-'));
  // As root Mosquitto changes to an account of its own, which must be able to read this.
  chmodSync(folder, 0o755);
  const port = await freePort();
  const file = path.join(folder, 'mosquitto.conf');
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'persistence false',
    'max_queued_messages 0',
    'max_queued_bytes 0',
    'max_inflight_messages 0',
    'log_dest stderr',
    'log_type error',
    'log_type warning',
    'log_type information',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const child = spawn(mosquitto, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  const onExit = () => {
    child.kill();
  };
  process.once('exit', onExit);
  let log = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', chunk => {
      log = (log + chunk).slice(-2000);
      if (/ running/.test(log)) resolve();
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`Mosquitto ended: ${log}`)));
  });
  return {
    url: `mqtt://127.0.0.1:${port}`,
    async stop() {
      process.removeListener('exit', onExit);
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill();
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
