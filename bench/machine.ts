// What the machine says: free ports, load, and the memory and CPU time of one process.
import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import os from 'node:os';

// Below, a browser and fetch refuse some ports.
const FIRST_PORT = 12_000;
/** The system gives ports from here on to whoever asks for any. */
const SYSTEM_PORT = Number(/^\d+/.exec(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'))?.[0]);
/** Test processes that work side by side tell ports of different remainders. */
const SIDE_BY_SIDE = 8;
const remainder = Number(process.env['MOCHA_WORKER_ID'] ?? 0) % SIDE_BY_SIDE;
const told = new Set<number>();

/**
 * A loopback port that is free now, and that the system gives to nobody until a server that takes long to start listens
 * there. A broker that is started again must come back under the address its clients know.
 */
export async function freePort(): Promise<number> {
  const numbers = Math.floor((SYSTEM_PORT - FIRST_PORT) / SIDE_BY_SIDE);
  // A system may give any port at all.
  for (let tries = 0; tries < 100 && numbers > 100; tries++) {
    const port = FIRST_PORT + remainder + SIDE_BY_SIDE * randomInt(numbers);
    if (told.has(port) || (await listening(port)) === undefined) continue;
    told.add(port);
    return port;
  }
  return (await listening(0))!;
}

/** The port after a short listening there; undefined where somebody else does. */
async function listening(wish: number): Promise<number | undefined> {
  const server = createServer().listen(wish, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return undefined;
  }
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Resident memory now and at its highest (MB), CPU time used so far (seconds). */
export type Usage = { rssMb: number; peakMb: number; cpuSeconds: number };

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Of a process and its threads, without its children (proc(5)). Throws when it is gone. */
export function usageOf(pid: number): Usage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // Field 2, the command, may hold blanks; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    rssMb: megabytes('VmRSS'),
    peakMb: megabytes('VmHWM'),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
  };
}

/** Load average of the last minute. */
export const load = (): number => os.loadavg()[0]!;

export function machine(): string {
  const cpus = os.cpus();
  const memory = Math.round(os.totalmem() / 2 ** 30);
  return `${cpus.length} × ${cpus[0]?.model.trim() ?? 'CPU'}, ${memory} GB, Linux ${os.release()}, Node ${process.versions.node}`;
}

/** The middle value; undefined of none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]
    : sorted.length === 0
      ? undefined
      : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Value below which the share `p` of the values lies (nearest rank); NaN of none. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))] ?? Number.NaN;
}
