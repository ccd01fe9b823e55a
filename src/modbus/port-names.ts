// Names of serial ports: the stable ones of the operating system, which stay with an adapter whatever socket it is in.
import { readdirSync, realpathSync } from 'node:fs';
import path from 'node:path';

/** Linux: links named after maker, model and serial number of the adapter. */
export const BY_ID = '/dev/serial/by-id';

/** The stable name of the port that this one is now, or the name itself where there is none. */
export function stablePath(name: string, byId = BY_ID): string {
  const target = realOf(name);
  return stableNames(byId).find(link => link !== name && target !== undefined && realOf(link) === target) ?? name;
}

/** All stable names there are now. */
export function stableNames(byId = BY_ID): string[] {
  try {
    return readdirSync(byId)
      .sort()
      .map(name => path.join(byId, name));
  } catch {
    return [];
  }
}

function realOf(name: string): string | undefined {
  try {
    return realpathSync(name);
  } catch {
    return undefined;
  }
}
