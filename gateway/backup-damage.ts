// Journals that are damaged where they lie: carried as they are, and what of them is lost, in words.
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { openJournal } from '../src/delivery/journal/journal.ts';
import { openOutbox } from '../src/delivery/outbox/outbox.ts';
import { reasonOf } from '../src/kernel/fault.ts';
import { isJournal } from './backup-files.ts';

/** A log, and what an outbox and the broker's journal know of themselves: with these the gateway recovers it as it would in its old place. */
const BESIDE = ['-wal', '-mark'];
/** Rows at a time. */
const MOST = 5000;

/** Answers which files were there beside it. */
export function copyAsItLies(from: string, to: string): readonly string[] {
  copyFileSync(from, to);
  const beside = BESIDE.filter(end => existsSync(from + end));
  for (const end of beside) copyFileSync(from + end, to + end);
  return beside;
}

/**
 * What is lost of an outbox or of the broker's journal, as whoever opens it will say it: of a copy of the copy, for to look is
 * to mend. Nothing of other files. `room` is a folder for that, made and removed.
 */
export async function lossesIn(copy: string, place: string, room: string): Promise<readonly string[]> {
  if (!isJournal(place)) return [];
  const looked = path.join(room, path.basename(place));
  try {
    mkdirSync(room, { mode: 0o700 });
    copyAsItLies(copy, looked);
    const losses = await (place.endsWith('.outbox') ? lossesOfOutbox(looked) : lossesOfJournal(looked));
    return losses.map(text => text.replaceAll(looked, place));
  } catch (error) {
    return [`what is lost of it is not known: ${reasonOf(error)}`];
  } finally {
    rmSync(room, { recursive: true, force: true });
  }
}

async function lossesOfJournal(file: string): Promise<readonly string[]> {
  const journal = await openJournal(file);
  await journal.close();
  return journal.loss === undefined ? [] : [journal.loss];
}

async function lossesOfOutbox(file: string): Promise<readonly string[]> {
  const losses: string[] = [];
  const outbox = await openOutbox(file, { onGone: ({ text }) => losses.push(text) });
  try {
    for (let batches = await outbox.next(MOST); batches.length > 0; batches = await outbox.next(MOST))
      outbox.settle(batches);
  } finally {
    await outbox.close();
  }
  return losses;
}
