// fieldline dead-letters: lists and shows what could not be stored, and queues it for the gateway to send again.
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { toHex } from '../src/kernel/bytes.ts';
import { openDeadLetters } from '../src/delivery/letters/file.ts';
import { lettersFolder, nodesWithLetters } from '../src/delivery/letters/mover.ts';
import { type LetterFilter, letterFilterOf } from '../src/delivery/letters/filter.ts';
import { carryOut } from '../src/delivery/letters/orders.ts';
import { expected, reasonOf } from '../src/kernel/fault.ts';
import { quantity } from '../src/reading/quantity.ts';
import { openStore, type Store } from '../src/store/store.ts';
import { withDatabase } from './database.ts';
import type { Io } from './io.ts';
import { subcommand, wrongUse as wrong } from './subcommand.ts';

const USAGE = `Usage: fieldline dead-letters list|show|resend|discard [ID …] [options]

  list       one JSON line for each letter, newest first
  show       the same, with all of its bytes in hex and, where they are text, as text
  resend     queues letters; a dead-letters node of the gateway sends them into its flow and takes them off the list
  discard    takes letters off the list; they stay in the table with who did it and when

Without IDs, resend takes all open letters that the options select; discard needs IDs or an option.

  --state open|queued|resolved|discarded   --source NODE   --topic PATTERN (with %)   --device ID   --reason TEXT
  --limit N            of list and show; 100
  --text TEXT, --hex HEX, --file FILE   with resend of one letter: sent instead of its bytes, which stay;
                       FILE may hold any bytes, also many; - is standard input
  --database-url URL   instead of DATABASE_URL, or of the gateway that runs`;

const options = {
  state: { type: 'string' },
  source: { type: 'string' },
  topic: { type: 'string' },
  device: { type: 'string' },
  reason: { type: 'string' },
  limit: { type: 'string' },
  text: { type: 'string' },
  hex: { type: 'string' },
  file: { type: 'string' },
  'database-url': { type: 'string' },
} as const;
const COMMANDS = ['list', 'show', 'resend', 'discard'];

/** Exit code: 0 done, 1 failed, or nothing to be done with a letter that was named, 2 wrong use. */
export const run = subcommand(
  { name: 'dead-letters', text: USAGE, options, arguments: true },
  async ({ values, positionals: [command, ...ids] }, io) => {
    if (command === undefined || !COMMANDS.includes(command)) throw wrong('argument', COMMANDS.join(', '), command);
    const { limit, file, 'database-url': given, ...filter } = values;
    if (limit !== undefined && !(Number(limit) >= 1)) throw wrong('--limit', 'a number from 1', limit);
    if ([values.text, values.hex, file].filter(fix => fix !== undefined).length > 1)
      throw wrong('resend', 'one of --text, --hex and --file', 'several');
    const order = {
      command,
      ...filter,
      ...(file === undefined ? {} : { hex: await fileHex(file, io) }),
      ...(ids.length > 0 ? { ids } : {}),
      ...(limit ? { limit: Number(limit) } : {}),
    };
    letterFilterOf(order);
    return withDatabase(io, given, async ({ url, folder }) => {
      const store = openStore({ url, connections: 1 });
      try {
        const all: LetterFilter = {};
        const {
          letters,
          ids: acted,
          counts,
        } = await carryOut(order, { query: store.query, filter: all, by: whoOf(io) });
        for (const letter of letters ?? []) await io.stdout(JSON.stringify(letter));
        if (acted !== undefined) await io.stdout(JSON.stringify({ command, ids: acted }));
        const waiting = await onDisk(folder);
        const disk = waiting > 0 ? `, ${waiting} on disk until the gateway moves them` : '';
        io.stderr(
          `${counts.open} open, ${counts.queued} queued, ${counts.resolved} resolved, ${counts.discarded} discarded${disk}`,
        );
        const leftAlone = ids.length === 0 ? [] : await leftAloneOf(store, command, ids.map(Number), acted);
        for (const words of leftAlone) io.stderr(words);
        return leftAlone.length > 0 ? 1 : 0;
      } catch (error) {
        const waiting = await onDisk(folder);
        if (waiting > 0)
          io.stderr(
            `${quantity(waiting, 'dead letter')} on disk in ${lettersFolder(folder)}, until the gateway finds the database again`,
          );
        throw error;
      } finally {
        await store.close();
      }
    });
  },
);

/** What is to be said of named letters with which nothing was done; not of those that had got so far before. */
async function leftAloneOf(
  { query }: Store,
  command: string,
  ids: readonly number[],
  acted: readonly number[] = [],
): Promise<readonly string[]> {
  const left = ids.filter(id => !acted.includes(id));
  const rows = await query<{ id: number; state: string; kind: string }>(
    'SELECT id, state, kind FROM dead_letters WHERE id = ANY ($1::bigint[])',
    [left],
  );
  const there = new Map(rows.map(row => [row.id, row]));
  return left.flatMap(id => {
    const { state, kind } = there.get(id) ?? {};
    const where = `letter ${id}`;
    if (state === undefined) return `${where}: there is none of this number`;
    if (command === 'discard' && state === 'resolved') return expected(where, 'one that is open or queued', state);
    if (command === 'resend' && state !== 'queued' && kind === 'damaged')
      return expected(where, '--text or --hex, as its line on the disk could not be read', undefined);
    return [];
  });
}

/** A shell passes no argument above 128 KB, and a terminal no bytes that are no text: from a file both come whole. */
async function fileHex(file: string, { stdin }: Io): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = file === '-' ? await buffer(stdin) : await readFile(file);
  } catch (error) {
    throw wrong('--file', 'a file that can be read, or -', reasonOf(error));
  }
  if (bytes.length === 0) throw wrong('--file', 'at least one byte', 'none');
  return toHex(bytes);
}

function whoOf({ env }: Io): string {
  return `command line, ${env['SUDO_USER'] ?? env['USER'] ?? 'unknown'}`;
}

/** Letters that no gateway has moved into the table yet; only counted: the gateway alone moves them. */
async function onDisk(folder: string): Promise<number> {
  let count = 0;
  for (const node of await nodesWithLetters(folder)) {
    const file = await openDeadLetters(lettersFolder(folder, node));
    const { letters, damaged } = await file.list();
    count += letters.length + damaged;
    await file.close();
  }
  return count;
}
