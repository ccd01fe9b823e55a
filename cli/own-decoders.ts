// A user's decoder files on the command line: what is wrong with one is told once, also when it shows only later.
import { statSync } from 'node:fs';
import { openUserDecoders, type UserDecoders } from '../src/decoders/user-folder.ts';
import { wrongUse } from './subcommand.ts';

/** One that is named has to be there: made by a slip of the pen it would hold no decoder, and nobody would see why. */
export function checkNamedFolder(option: string, folder: string | undefined): void {
  if (folder === undefined || statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  throw wrongUse(option, 'a folder that exists', folder);
}

export async function openOwnDecoders(folder: string, tell: (fault: string) => void): Promise<UserDecoders> {
  const told = new Set<string>();
  const tellNew = (): void => {
    for (const fault of decoders.faults().values()) {
      if (!told.has(fault)) tell(fault);
      told.add(fault);
    }
  };
  const decoders = await openUserDecoders(folder, tellNew);
  tellNew();
  return decoders;
}
