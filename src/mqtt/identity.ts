// Names that last: the client id of a node on this installation, and the filters its session was last subscribed to.
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { digest } from '../kernel/bytes.ts';
import { codeOf } from '../reading/error-code.ts';

/**
 * Stable for a node of this installation, different on every other one, though the same flow runs there: two clients of
 * one name would evict each other. At most 23 characters, which every broker accepts [MQTT-3.1.3-5].
 */
export function derivedClientId(folder: string, nodeId: string): string {
  const file = path.join(folder, 'mqtt-installation');
  try {
    // Fails when it is there: two nodes that start together agree on the first one's.
    writeFileSync(file, randomBytes(3).toString('hex'), { flag: 'wx' });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  return `fl-${readFileSync(file, 'utf8').trim()}-${digest(nodeId).slice(0, 12)}`;
}

/** Filters that were subscribed under this client id before; none when nothing is known. */
export function knownFilters(folder: string, clientId: string): string[] {
  try {
    const known: unknown = JSON.parse(readFileSync(fileOf(folder, clientId), 'utf8'));
    return Array.isArray(known) ? known.filter(filter => typeof filter === 'string') : [];
  } catch {
    // Nothing remembered means nothing to unsubscribe.
    return [];
  }
}

/** What is subscribed now, for the next start; a disk that takes nothing is passed over. */
export function rememberFilters(folder: string, clientId: string, filters: readonly string[]): void {
  try {
    writeFileSync(fileOf(folder, clientId), JSON.stringify(filters));
  } catch {
    // A full disk costs a filter that stays subscribed after its removal, not the subscription.
  }
}

const fileOf = (folder: string, clientId: string): string =>
  path.join(folder, `mqtt-filters-${digest(clientId).slice(0, 12)}.json`);
