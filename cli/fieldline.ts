#!/usr/bin/env node
// The command line: finds the subcommand, gives it the process's streams, ends with its exit code.
import { realpathSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { reasonOf } from '../src/kernel/fault.ts';
import { type Io, lineWriter, type Run } from './io.ts';

type Subcommand = { summary: string; usage: string; load(): Promise<{ run: Run }> };

/** Each is loaded when it is called, so that decoding needs no database driver. */
const subcommands: Readonly<Record<string, Subcommand>> = {
  decode: {
    summary: 'Bluetooth adverts or laser meter frames, JSON lines in, JSON lines out',
    usage: 'decode adverts|laser',
    load: () => import('./decode.ts'),
  },
  score: {
    summary: 'anomaly scores for a CSV timestamp,value',
    usage: 'score [--explain] [--why] [in.csv]',
    load: () => import('./score.ts'),
  },
  scan: {
    summary: 'Bluetooth adverts to MQTT, without Node-RED',
    usage: 'scan --config scanner.yaml',
    load: () => import('./scan.ts'),
  },
  migrate: {
    summary: 'brings the database to the newest version',
    usage: 'migrate [--status]',
    load: () => import('./migrate.ts'),
  },
  replay: {
    summary: 'part of the raw archive through the decoders again',
    usage: 'replay [--from … --to …]',
    load: () => import('./replay.ts'),
  },
  'dead-letters': {
    summary: 'lists, shows and sends again what could not be stored',
    usage: 'dead-letters list|show|…',
    load: () => import('./dead-letters.ts'),
  },
  keys: {
    summary: 'makes, lists, rotates and revokes API keys of gateways and apps',
    usage: 'keys create|list|…',
    load: () => import('./keys.ts'),
  },
  users: {
    summary: 'access tokens for applications that read the API and the live channels',
    usage: 'users token --org …',
    load: () => import('./users.ts'),
  },
  backup: {
    summary: 'database, flows, secrets, decoders and journals into one file, while it runs',
    usage: 'backup FILE|DIR',
    load: () => import('./backup.ts'),
  },
  restore: {
    summary: 'such a file into an empty data directory',
    usage: 'restore FILE',
    load: () => import('./restore.ts'),
  },
  doctor: {
    summary: 'what of this machine and configuration works; whether every message adds up',
    usage: 'doctor [--ledger] [--json]',
    load: () => import('./doctor.ts'),
  },
};

const widest = Math.max(...Object.values(subcommands).map(({ usage }) => usage.length));
const help = [
  'Usage: fieldline <subcommand> [options]',
  '',
  ...Object.values(subcommands).map(({ usage, summary }) => `  fieldline ${usage.padEnd(widest)} ${summary}`),
  '',
  'Data goes from standard input to standard output, errors to standard error.',
  'Exit code: 0 done, 1 failed, 2 wrong use.',
];

/** Runs one command line; resolves with the exit code. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  // `help scan` is `scan --help`.
  const [name, ...rest] = argv[0] === 'help' && argv[1] !== undefined ? [argv[1], '--help'] : argv;
  if (name === 'help' || name === '--help' || name === '-h') {
    for (const line of help) io.stdout(line);
    return 0;
  }
  const subcommand = name !== undefined && Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
  if (subcommand === undefined) {
    if (name !== undefined) io.stderr(`fieldline: there is no subcommand "${name.slice(0, 60)}"`);
    for (const line of help) io.stderr(line);
    return 2;
  }
  try {
    const { run } = await subcommand.load();
    return await run(rest, io);
  } catch (error) {
    io.stderr(`fieldline ${name}: ${reasonOf(error)}`);
    return 1;
  }
}

/** The reader may leave early (`| head`): that is its right, and no error of ours. A full disk is one. */
function outputFailed(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`fieldline: ${reasonOf(error)}\n`);
  process.exit(1);
}

async function runProcess(): Promise<void> {
  process.stdout.on('error', outputFailed);
  process.stderr.on('error', () => process.exit(1));
  const output = lineWriter(process.stdout);
  process.exitCode = await main(process.argv.slice(2), {
    stdin: process.stdin,
    stdout: line => output.write(line),
    stderr: line => process.stderr.write(`${line}\n`),
    env: process.env,
    background: () => os.setPriority(os.constants.priority.PRIORITY_BELOW_NORMAL),
  });
  await output.flush();
}

// Installed, the command is a link to this file.
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  await runProcess();
