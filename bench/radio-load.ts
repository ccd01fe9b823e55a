// What a radio costs: the processes of a scanner, adverts through a flow, decoders alone, and a frame's way to the flow.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { advertOf } from '../src/decoders/advert-record.ts';
import { registryOf, shippedDecoders } from '../src/decoders/registry.ts';
import { openBroker } from './sink-broker.ts';
import { usageOf } from './machine.ts';

const root = path.resolve(import.meta.dirname, '..');
const program = path.join(root, 'dist/cli/fieldline.js');

export type Air = { port: number; reported(): number; press(): void; close(): void };

/** Adverts a second from so many devices with rotating addresses, and a laser meter. */
export async function openAir(rate: number, devices = 300): Promise<Air> {
  const child = fork(path.join(import.meta.dirname, 'air.ts'), [String(rate), String(devices)], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let reported = 0;
  const port = await new Promise<number>(resolve => {
    readline.createInterface({ input: child.stdout! }).on('line', line => {
      const said = JSON.parse(line) as { port?: number; reported?: number };
      if (said.port !== undefined) resolve(said.port);
      reported = said.reported ?? reported;
    });
  });
  return { port, reported: () => reported, press: () => void child.send('press'), close: () => void child.kill() };
}

/** Ids of a process's children. */
export function childrenOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number) : [];
}

export type Cost = {
  /** Megabytes resident of both processes together: after a tenth of the time, and the most since. */
  early: number;
  most: number;
  /** Percent of a core, both processes together. */
  cpu: number;
  /** Adverts a second that the controller reported. */
  rate: number;
};

/** `fieldline scan` for so many seconds, with a broker that only acknowledges. */
export async function scannerCost(rate: number, seconds: number): Promise<Cost> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-bench-'));
  const air = await openAir(rate);
  const broker = await openBroker();
  let scanner: ChildProcess | undefined;
  try {
    const config = path.join(folder, 'scanner.yaml');
    writeFileSync(
      config,
      `scanner_id: bench\nmqtt: { url: "${broker.url}" }\nble: { hci: "tcp://127.0.0.1:${air.port}" }\n`,
    );
    const started = spawn(process.execPath, [program, 'scan', '--config', config], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    scanner = started;
    await new Promise<void>((resolve, reject) => {
      readline.createInterface({ input: started.stderr! }).on('line', line => {
        if (line.includes('radio on')) resolve();
      });
      started.once('exit', code => reject(new Error(`the scanner ended with ${code}`)));
    });
    return await costOf(() => [started.pid!, ...childrenOf(started.pid!)], air, seconds);
  } finally {
    if (scanner !== undefined && scanner.exitCode === null) {
      scanner.removeAllListeners('exit');
      const ended = new Promise(resolve => scanner?.once('exit', resolve));
      scanner.kill('SIGTERM');
      await ended;
    }
    air.close();
    await broker.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function costOf(pids: () => readonly number[], air: Air, seconds: number): Promise<Cost> {
  const sum = (): { rss: number; cpu: number } =>
    pids()
      .map(usageOf)
      .reduce((all, { rssMb, cpuSeconds }) => ({ rss: all.rss + rssMb, cpu: all.cpu + cpuSeconds }), {
        rss: 0,
        cpu: 0,
      });
  await wait(seconds * 100);
  const began = { ...sum(), at: performance.now(), reported: air.reported() };
  let most = began.rss;
  while (performance.now() - began.at < seconds * 900) {
    await wait(500);
    most = Math.max(most, sum().rss);
  }
  const elapsed = (performance.now() - began.at) / 1000;
  return {
    early: began.rss,
    most,
    cpu: ((sum().cpu - began.cpu) / elapsed) * 100,
    rate: (air.reported() - began.reported) / elapsed,
  };
}

/** Adverts a second on one core, over the examples of all decoders that give values: plain and encrypted ones. */
export async function decoderRates(seconds: number): Promise<{ plain: number; encrypted: number }> {
  const decoders = (await shippedDecoders()).map(({ decoder }) => decoder);
  const registry = registryOf(decoders);
  const adverts = decoders.flatMap(({ examples }) =>
    examples.flatMap(example => {
      const advert = advertOf(example.advert);
      return 'gives' in example && !('rejected' in advert) ? [advert] : [];
    }),
  );
  const rateOf = (chosen: readonly (typeof adverts)[number][]): number => {
    const began = process.cpuUsage();
    let count = 0;
    let spent = 0;
    // Of processor time: others on the machine do not make the decoders slower.
    while (spent < seconds) {
      for (const advert of chosen) registry.decode(advert);
      count += chosen.length;
      const { user, system } = process.cpuUsage(began);
      spent = (user + system) / 1e6;
    }
    return count / spent;
  };
  const plain = adverts.filter(({ bindkey }) => bindkey === undefined);
  const sealed = adverts.filter(({ bindkey }) => bindkey !== undefined);
  rateOf(plain);
  return { plain: rateOf(plain), encrypted: rateOf(sealed) };
}
