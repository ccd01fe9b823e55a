// What subcommands say of wrong use: what was expected, what came, and how it is done.
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { expected, Fault, reasonOf } from '../src/kernel/fault.ts';

/** Reads arguments by `options`; Faults of wrong use, FIELDLINE_SETTING, end with `text`. */
export function usage<Options extends ParseArgsOptionsConfig>(text: string, options: Options) {
  const fault = (reason: string): Fault => new Fault('FIELDLINE_SETTING', `${reason}\n${text}`);
  return {
    wrong: (where: string, what: string, got: unknown): Fault => fault(expected(where, what, got)),
    /** Throws a Fault for an option that is not known, or lacks its value. */
    parsed(argv: readonly string[]) {
      try {
        return parseArgs({ args: [...argv], options, allowPositionals: true });
      } catch (error) {
        throw fault(reasonOf(error));
      }
    },
  };
}
