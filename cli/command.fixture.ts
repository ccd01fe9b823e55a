// For the tests of this room: runs a command in this process and gives back all that it said.
import { Readable } from 'node:stream';
import type { Run } from './io.ts';

export type Said = { code: number; lines: readonly string[]; out: string; errors: string };

export async function ask(
  run: Run,
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
  input?: Uint8Array,
): Promise<Said> {
  const lines: string[] = [];
  const errors: string[] = [];
  const code = await run(argv, {
    stdin: Readable.from(input === undefined ? [] : [input]),
    stdout: line => lines.push(line),
    stderr: line => void errors.push(line),
    env,
  });
  return { code, lines, out: lines.join('\n'), errors: errors.join('\n') };
}
