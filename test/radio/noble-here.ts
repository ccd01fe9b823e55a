// For tests: whether noble, which is optional, can be found.
import { createRequire } from 'node:module';

export const nobleIsHere = ((): boolean => {
  try {
    createRequire(import.meta.url).resolve('@abandonware/noble/lib/noble.js');
    return true;
  } catch {
    return false;
  }
})();

/** For the title of a suite that needs it. */
export const withNoble = (title: string): string =>
  nobleIsHere ? title : `${title} (skipped: @abandonware/noble is not installed)`;
