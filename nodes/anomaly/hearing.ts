// Hearing: until when the node heard messages before it started, on the disk, so that its own absence is no silence of devices.
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { RETURN_MS } from '../../src/reading/listening.ts';

/** As exact is the moment of a kill; an orderly end is exact. */
const EVERY_MS = 10_000;
/** Files of nodes that ended in this process: after a deploy nobody has to come back to us. */
const endedHere = new Set<string>();

export type Hearing = {
  /** When (ms) the node did not hear; empty where it never did before. */
  readonly absences: readonly (readonly [from: number, to: number])[];
  /** It hears from now on. `knowsAll`: what it heard before is known; otherwise what was heard since the last save is not. */
  begin(knowsAll: boolean): void;
  close(): Promise<void>;
};

/** `saved`: the file of the series. */
export async function openHearing(saved: string): Promise<Hearing> {
  const file = `${saved}.heard`;
  const until = Date.parse(await readFile(file, 'utf8').catch(() => ''));
  const savedAt = await stat(saved).then(
    ({ mtimeMs }) => mtimeMs,
    () => until,
  );
  const absences: [number, number][] = [];
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();
  // Where the disk takes nothing, the silence of a later absence is judged as if it were that of the devices.
  const note = (): Promise<void> => {
    writing = writing.then(() => replace(file)).catch(() => {});
    return writing;
  };
  return {
    absences,
    begin(knowsAll) {
      const back = endedHere.delete(file) ? 0 : RETURN_MS;
      const from = knowsAll ? until : Math.min(until, savedAt);
      if (!Number.isNaN(from)) absences.push([from, Date.now() + back]);
      void note();
      timer = setInterval(note, EVERY_MS).unref();
    },
    close() {
      clearInterval(timer);
      endedHere.add(file);
      return note();
    },
  };
}

async function replace(file: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.new`, new Date().toISOString());
  await rename(`${file}.new`, file);
}
