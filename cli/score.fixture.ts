// For suites of `fieldline score`: the command on a text, and a noisy series of 200 rows with one spike.
import { Readable } from 'node:stream';
import { run } from './score.ts';

export async function score(input: string | Iterable<string | Uint8Array>, ...argv: string[]) {
  const out: string[] = [];
  const errors: string[] = [];
  const stdin = Readable.from(typeof input === 'string' ? [Buffer.from(input)] : input);
  const io = { stdin, stdout: (line: string) => out.push(line), stderr: (line: string) => errors.push(line), env: {} };
  const code = await run(argv, io);
  return { code, out, errors };
}

export const time = (at: number) =>
  new Date(Date.UTC(2026, 0, 5) + at * 300_000).toISOString().slice(0, 19).replace('T', ' ');
export const value = (at: number) => 20 + Math.sin(at * 12.9898) + (at === 150 ? 40 : 0);
export const rows = Array.from({ length: 200 }, (_, at) => `${time(at)},${value(at)}`);
export const csv = ['timestamp,value', ...rows].join('\n');
export const lastOf = (line: string | undefined) => Number(line?.split(',').at(-1));
