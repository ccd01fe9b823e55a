// Finds the register map a setting names: a shipped one, one of the user's folder, or the JSON text itself.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expected, Fault } from '../kernel/fault.ts';
import { parseMap, type RegisterMap } from './map.ts';
import type { Parameters } from './register.ts';

export const shippedFolder = fileURLToPath(new URL('./maps/', import.meta.url));

/** Names of the maps in a folder, sorted; none where the folder does not exist. */
export function mapNames(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter(file => file.endsWith('.json'))
    .map(file => file.slice(0, -'.json'.length))
    .sort();
}

/**
 * `choice` is the name of a map or its JSON text. A map of the user's folder wins over a shipped one of the same name,
 * so that an address can be corrected without waiting for anybody. Throws a Fault that names file and register.
 */
export function findMap(choice: string, userFolder: string | undefined, parameters: Parameters = {}): RegisterMap {
  if (choice.trimStart().startsWith('{')) return parseMap(choice, 'register map', parameters);
  const folders = userFolder === undefined ? [shippedFolder] : [userFolder, shippedFolder];
  // Only names that a folder lists are opened: a name is no path.
  const folder = folders.find(one => mapNames(one).includes(choice));
  if (folder === undefined) {
    const names = [...new Set(folders.flatMap(mapNames))].join(', ');
    throw new Fault('FIELDLINE_MODBUS', expected('register map', `JSON or one of ${names}`, choice));
  }
  const file = `${choice}.json`;
  return parseMap(readFileSync(path.join(folder, file), 'utf8'), file, parameters);
}
