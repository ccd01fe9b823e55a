// What a subcommand gets of the process, so that tests run it without one; lines in and out with bounds and back pressure.
import { StringDecoder } from 'node:string_decoder';

export type Io = {
  stdin: NodeJS.ReadableStream;
  /** Writes one line. Where many are written, await what it returns: it waits while the reader is slow. */
  stdout: (line: string) => unknown;
  stderr: (line: string) => void;
  env: NodeJS.ProcessEnv;
  /** Lets all other work of the machine go first from now on; only a process of its own can. */
  background?: () => void;
};

/** A subcommand; resolves with the exit code: 0 done, 1 failed, 2 wrong use. */
export type Run = (argv: readonly string[], io: Io) => Promise<number>;

/** Longer lines are cut: no record of any subcommand comes near. */
const MAX_LINE = 1024 * 1024;

export type Line = { text: string /** The line was longer than this text. */; cut: boolean };

/** Lines of a stream, ended by LF or CR LF; the last one may lack its end. Arrays of what one chunk completed. */
export async function* linesOf(input: NodeJS.ReadableStream, maxLine = MAX_LINE): AsyncGenerator<readonly Line[]> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let cut = false;
  const ended = (text: string): Line => ({ text: text.endsWith('\r') ? text.slice(0, -1) : text, cut });
  for await (const chunk of input) {
    const pieces = (typeof chunk === 'string' ? chunk : decoder.write(chunk)).split('\n');
    const lines: Line[] = [];
    for (const [at, piece] of pieces.entries()) {
      if (at > 0) {
        lines.push(ended(rest));
        rest = '';
        cut = false;
      }
      const room = maxLine - rest.length;
      if (piece.length > room) cut = true;
      rest += piece.length > room ? piece.slice(0, room) : piece;
    }
    if (lines.length > 0) yield lines;
  }
  rest += decoder.end();
  if (rest !== '') yield [ended(rest)];
}

/** Collects lines and writes them together; the promise it returns resolves once the reader has taken enough. */
export function lineWriter(output: NodeJS.WritableStream): {
  write(line: string): Promise<void> | undefined;
  flush(): Promise<void>;
} {
  const AT_ONCE = 64 * 1024;
  let pending = '';
  let scheduled: NodeJS.Immediate | undefined;
  let drained: Promise<void> | undefined;
  function send(): void {
    clearImmediate(scheduled);
    scheduled = undefined;
    if (pending === '') return;
    const text = pending;
    pending = '';
    if (!output.write(text))
      drained ??= new Promise(resolve => {
        output.once('drain', () => {
          drained = undefined;
          resolve();
        });
      });
  }
  return {
    write(line) {
      pending += `${line}\n`;
      if (pending.length >= AT_ONCE) send();
      else scheduled ??= setImmediate(send);
      return drained;
    },
    flush() {
      send();
      return new Promise(resolve => {
        output.write('', () => resolve());
      });
    },
  };
}
