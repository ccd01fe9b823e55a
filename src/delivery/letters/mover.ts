// Mover of dead letters: from the files of a data directory into the table, whenever the database answers; each once.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Query } from '../../reading/contracts.ts';
import { type DeadLetter, openDeadLetters } from './file.ts';
import { keepLetters, type NewLetter } from './letters.ts';
import { codeOf } from '../../reading/error-code.ts';

/** Folder below the data directory with one folder of files for each node that gives messages up. */
export function lettersFolder(directory: string, node = ''): string {
  return path.join(directory, 'dead-letters', node);
}

export type Moved = { letters: number; damaged: number };

const AT_ONCE = 500;
const busy = new Set<string>();

/**
 * Moves every letter of a data directory. A second call for the same directory while one works moves nothing. Rejects
 * with a Fault of kind outage; what was not moved stays on the disk, and what was moved twice is one letter.
 */
export async function moveLetters(query: Query, directory: string): Promise<Moved> {
  const moved: Moved = { letters: 0, damaged: 0 };
  const root = path.resolve(lettersFolder(directory));
  if (busy.has(root)) return moved;
  busy.add(root);
  try {
    for (const node of await nodesWithLetters(directory)) {
      const file = await openDeadLetters(path.join(root, node));
      try {
        await file.take(async (letters, damaged) => {
          const all = [...letters.map(letterOf), ...damaged.map(damagedOf)];
          for (let at = 0; at < all.length; at += AT_ONCE) await keepLetters(query, node, all.slice(at, at + AT_ONCE));
          moved.letters += letters.length;
          moved.damaged += damaged.length;
        });
      } finally {
        await file.close();
      }
    }
  } finally {
    busy.delete(root);
  }
  return moved;
}

/** Nodes that have a folder for letters. */
export async function nodesWithLetters(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(lettersFolder(directory), { withFileTypes: true });
    return entries.filter(entry => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** A line may have lost anything but topic and bytes. */
function letterOf(letter: DeadLetter): NewLetter {
  const given = letter as Partial<DeadLetter>;
  const time = Date.parse(String(given.time));
  return {
    // What is left of it is no message.
    kind: given.part === true ? 'damaged' : 'raw',
    topic: letter.topic,
    ...(typeof given.source === 'string' ? { scannerId: given.source } : {}),
    ...(typeof given.protocol === 'string' ? { protocol: given.protocol } : {}),
    ...(typeof given.deviceId === 'string' ? { deviceId: given.deviceId } : {}),
    reason: typeof given.reason === 'string' ? given.reason : 'unknown',
    attempts: typeof given.attempts === 'number' ? given.attempts : 1,
    ...(typeof given.entry === 'string' ? { entry: given.entry } : {}),
    ...(typeof given.link === 'string' ? { link: given.link } : {}),
    ...(typeof given.receivedAt === 'number' ? { receivedAt: given.receivedAt } : {}),
    givenUpAt: Number.isNaN(time) ? 0 : time,
    bytes: Buffer.from(letter.bytes, 'base64'),
  };
}

function damagedOf(line: string): NewLetter {
  const reason = 'this line of the file on disk was damaged; what is left of it is kept';
  return { kind: 'damaged', reason, attempts: 1, givenUpAt: 0, bytes: Buffer.from(line) };
}
