// The scanner's process on a machine with little memory: Node starts over in the same process, with what can only be chosen at a start.
import { setFlagsFromString } from 'node:v8';
import type { ScanConfig } from './scan-config.ts';

/** No optimised code, and little room for what is young: the scanner has few things that live long (docs/adr/0007). */
const FLAGS = ['--no-opt', '--no-maglev', '--optimize-for-size', '--no-allocation-site-pretenuring'];
const AT_START = [
  '--max-semi-space-size=1',
  '--max-old-space-size=24',
  '--expose-gc',
  '--disable-warning=ExperimentalWarning',
];
/** For the C library of Linux: one arena, and what is freed is given back. */
const ENVIRONMENT = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072', MALLOC_MMAP_THRESHOLD_: '65536' };
/** Carries the configuration over, so that what reads it is not loaded again. */
const CARRIED = 'FIELDLINE_SCAN_CONFIG';

/** The configuration, in a process that has started over. */
export function carriedConfig(): ScanConfig | undefined {
  const text = process.env[CARRIED];
  // It may hold a password, which is nothing for child processes.
  delete process.env[CARRIED];
  return text === undefined ? undefined : (JSON.parse(text) as ScanConfig);
}

/**
 * Does not return where the process can start over: not on Windows, not before Node 22.15, and only where the scanner is
 * all that this process was started for.
 */
export function startOverSmall(config: ScanConfig): void {
  for (const flag of [...FLAGS, '--semi-space-growth-factor=1']) setFlagsFromString(flag);
  const [node, program, subcommand] = process.argv;
  if (process.platform === 'win32' || process.execve === undefined || subcommand !== 'scan') return;
  const environment = { ...ENVIRONMENT, ...process.env, [CARRIED]: JSON.stringify(config) };
  process.execve(process.execPath, [node!, ...process.execArgv, ...FLAGS, ...AT_START, program!, 'scan'], environment);
}
