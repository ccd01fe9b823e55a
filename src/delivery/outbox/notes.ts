// What the file of an outbox notes of itself: where its rows begin and end, and how far its clock was.
import type { Journal } from '../journal/contract.ts';
import { endOf, headOf, type Position, sealed, unsealed } from './batch.ts';
import type { ClockNote } from './clock.ts';
import { PAGE, READER } from './front.ts';

/** `clock`: undefined in a new file. */
export type Noted = { begin: Position; end: Position; clock: ClockNote | undefined };

export function endNote({ row, byte }: Position, clock: ClockNote): string {
  return sealed(JSON.stringify([row, byte, ...clock]));
}

/** As the notes say; by what lies there where they do not, or were damaged. */
export async function notedIn(journal: Journal): Promise<Noted> {
  const begin = await beginOf(journal);
  const noted = numbersOf(journal.notes.get('end'));
  const clock = clockNoteOf(noted);
  const last = clock === undefined ? await lastOf(journal, begin) : undefined;
  return { begin, end: positionOf(noted) ?? last?.position ?? begin, clock: clock ?? last?.clock };
}

/** Undefined where there is no such note, or not as it was written. */
function numbersOf(note: string | undefined): readonly number[] | undefined {
  const text = note === undefined ? undefined : unsealed(note);
  return text !== undefined && /^\[\d+(,\d+)*\]$/.test(text) ? (JSON.parse(text) as number[]) : undefined;
}

function positionOf([row, byte]: readonly number[] = []): Position | undefined {
  return row === undefined || byte === undefined ? undefined : { row, byte };
}

function clockNoteOf([, , ms, wall, up]: readonly number[] = []): ClockNote | undefined {
  return ms === undefined || wall === undefined || up === undefined ? undefined : [ms, wall, up];
}

/** Where the note is damaged, what lies there begins with the oldest batch. */
async function beginOf(journal: Journal): Promise<Position> {
  const note = journal.notes.get('begin');
  const noted = positionOf(numbersOf(note));
  if (noted !== undefined) return noted;
  const entries = note === undefined ? [] : await journal.read(READER, 0, PAGE);
  const [oldest] = entries.flatMap(({ meta }) => headOf(meta) ?? []);
  return { row: oldest?.row ?? 0, byte: oldest?.byte ?? 0 };
}

/** For a new file, and where the note was lost with a part of the file; its newest row counts as kept just now. */
async function lastOf(journal: Journal, begin: Position): Promise<{ position: Position; clock?: ClockNote }> {
  let last: { position: Position; clock?: ClockNote } = { position: begin };
  for (let after = 0; ; ) {
    const entries = await journal.read(READER, after, PAGE);
    if (entries.length === 0) return last;
    for (const { seq, meta, blob } of entries) {
      const head = headOf(meta);
      if (head !== undefined) last = { position: endOf(head, blob), clock: [head.clock, Infinity, 0] };
      after = seq;
    }
  }
}
