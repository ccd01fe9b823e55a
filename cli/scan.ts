// `fieldline scan --config scanner.yaml`: the scanner as a process of its own, until it is told to end.
import { readFile } from 'node:fs/promises';
import mqttPacket from 'mqtt-packet';
import { expected, Fault, reasonOf } from '../src/kernel/fault.ts';
import type { ScanConfig } from './scan-config.ts';
import { carriedConfig, startOverSmall } from './scan-small.ts';
import type { Log } from './scanner.ts';
import { subcommand, wrongUse } from './subcommand.ts';

const COLLECT_MS = 10_000;
const USAGE = `Usage: fieldline scan --config FILE

Hears Bluetooth adverts and publishes each by MQTT, until SIGTERM or SIGINT. What stands in FILE (YAML), and what is published, is in
docs/scanner.md. The log is JSON lines on standard error.`;
const options = { config: { type: 'string' } } as const;

/** Exit code: 0 on SIGTERM or SIGINT; 2 where the configuration is wrong, or names captures that are not there. */
export const run = subcommand({ name: 'scan', text: USAGE, options }, async ({ values }, io) => {
  // Before anything large is loaded: no table of every number of two bytes.
  mqttPacket.writeToStream.cacheNumbers = false;
  const config = carriedConfig() ?? (await configOf(values.config));
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
});

/** Where the process can start over, this does not return. */
async function configOf(file: string | undefined): Promise<ScanConfig> {
  if (file === undefined) throw wrongUse('--config', 'a file', undefined);
  const { scanConfig } = await import('./scan-config.ts');
  const config = scanConfig(await textOf(file));
  startOverSmall(config);
  return config;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const what = 'a file with the settings of the scanner (docs/scanner.md)';
    throw new Fault('FIELDLINE_SETTING', expected(file, what, reasonOf(error)));
  }
}
