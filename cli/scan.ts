// `fieldline scan --config scanner.yaml`: the scanner as a process of its own, until it is told to end.
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import mqttPacket from 'mqtt-packet';
import { expected, reasonOf } from '../src/kernel/fault.ts';
import type { Io } from './io.ts';
import type { ScanConfig } from './scan-config.ts';
import { carriedConfig, startOverSmall } from './scan-small.ts';
import type { Log } from './scanner.ts';

const COLLECT_MS = 10_000;
const USAGE = 'usage: fieldline scan --config scanner.yaml';

/** Logs JSON lines on standard error. Ends with 2 where the configuration is wrong, or names captures that are not there; with 0 on SIGTERM or SIGINT. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  // Before anything large is loaded: no table of every number of two bytes.
  mqttPacket.writeToStream.cacheNumbers = false;
  const config = carriedConfig() ?? (await configOf(argv, io));
  if (typeof config === 'number') return config;
  const log: Log = (level, text, fields = {}) =>
    io.stderr(JSON.stringify({ time: new Date().toISOString(), level, text, ...fields }));
  const told = new Promise<void>(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  const { startScanner } = await import('./scanner.ts');
  const scanner = await startScanner(config, log).catch((error: unknown) => reasonOf(error));
  if (typeof scanner === 'string') {
    io.stderr(`fieldline scan: ble.hci: ${scanner}`);
    return 2;
  }
  // Where the process has started over small: what has grown old unnoticed would stay for minutes.
  const collecting = setInterval(() => globalThis.gc?.(), COLLECT_MS).unref();
  await told;
  clearInterval(collecting);
  await scanner.close();
  return 0;
}

/** What the arguments name, or the exit code where that is no configuration. */
async function configOf(argv: readonly string[], io: Io): Promise<ScanConfig | number> {
  try {
    const options = { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const;
    const { values } = parseArgs({ args: [...argv], options });
    if (values.help) {
      io.stderr(USAGE);
      return 0;
    }
    if (values.config === undefined) throw new Error(USAGE);
    const { scanConfig } = await import('./scan-config.ts');
    const config = scanConfig(await textOf(values.config));
    startOverSmall(config);
    return config;
  } catch (error) {
    io.stderr(`fieldline scan: ${reasonOf(error)}`);
    return 2;
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(expected(file, 'a file with the settings of the scanner (docs/scanner.md)', reasonOf(error)));
  }
}
