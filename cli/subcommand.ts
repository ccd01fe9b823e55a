// What all subcommands have in common: options, help, and words and exit code for what goes wrong.
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { expected, Fault, reasonOf } from '../src/kernel/fault.ts';
import type { Io, Run } from './io.ts';

const HELP = { help: { type: 'boolean', short: 'h' } } as const;

/** `text` is the help of a subcommand; `arguments`: whether it takes words besides its options. */
type About<Options> = { name: string; text: string; options: Options; arguments?: boolean };

/** A fault of wrong use, after which the help is shown. */
class WrongUse extends Fault {}

export function wrongUse(where: string, what: string, got: unknown): Fault {
  return new WrongUse('FIELDLINE_SETTING', expected(where, what, got));
}

/** Checks what is given by `about.options`, for `work`, whose Faults become words on standard error: 2 for a wrong setting or use, else 1. */
export function subcommand<Options extends ParseArgsOptionsConfig>(
  about: About<Options>,
  work: (given: ReturnType<typeof parsed<Options>>, io: Io) => Promise<number>,
): Run {
  return async (argv, io) => {
    try {
      const given = parsed(argv, about);
      if ((given.values as { help?: boolean }).help) {
        io.stdout(about.text);
        return 0;
      }
      return await work(given, io);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      io.stderr(
        `fieldline ${about.name}: ${error.message}\n${error instanceof WrongUse ? about.text : error.nextStep}`,
      );
      return error.code === 'FIELDLINE_SETTING' ? 2 : 1;
    }
  };
}

function parsed<Options extends ParseArgsOptionsConfig>(argv: readonly string[], about: About<Options>) {
  try {
    return parseArgs({
      args: [...argv],
      options: { ...about.options, ...HELP },
      allowPositionals: about.arguments === true,
    });
  } catch (error) {
    throw new WrongUse('FIELDLINE_SETTING', reasonOf(error));
  }
}
