// A user's decoder files on the command line: what is wrong with one is told once, also when it shows only later.
import { openUserDecoders, type UserDecoders } from '../src/decoders/user-folder.ts';

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
