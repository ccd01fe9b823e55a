// `fieldline scan --config scanner.yaml`: the scanner as a process of its own, until it is told to end.
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import mqttPacket from 'mqtt-packet';
import { reasonOf } from '../src/kernel/fault.ts';
import type { Io } from './io.ts';
import type { ScanConfig } from './scan-config.ts';
import type { Log } from './scanner.ts';

const USAGE = 'usage: fieldline scan --config scanner.yaml';

/** Logs JSON lines on standard error. Ends with 2 where the configuration is wrong, with 0 on SIGTERM or SIGINT. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  staySmall();
  let config: ScanConfig;
  try {
    const options = { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const;
    const { values } = parseArgs({ args: [...argv], options });
    if (values.help) {
      io.stderr(USAGE);
      return 0;
    }
    if (values.config === undefined) throw new Error(USAGE);
    const { scanConfig } = await import('./scan-config.ts');
    config = scanConfig(await readFile(values.config, 'utf8'));
  } catch (error) {
    io.stderr(`fieldline scan: ${reasonOf(error)}`);
    return 2;
  }
  const log: Log = (level, text, fields = {}) =>
    io.stderr(JSON.stringify({ time: new Date().toISOString(), level, text, ...fields }));
  const { startScanner } = await import('./scanner.ts');
  const scanner = await startScanner(config, log);
  await new Promise<void>(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  await scanner.close();
  return 0;
}

/**
 * Before anything large is loaded. The machine may have little memory: no optimised code, no table of every number of two
 * bytes, and young objects that stay few (the size itself cannot be set in a process that runs, that it grows can).
 */
function staySmall(): void {
  for (const flag of ['--no-opt', '--no-maglev', '--optimize-for-size', '--semi-space-growth-factor=1'])
    setFlagsFromString(flag);
  mqttPacket.writeToStream.cacheNumbers = false;
}
