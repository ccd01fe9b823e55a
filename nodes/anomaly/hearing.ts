// Hearing: when the node did not hear before it started, and how far it knows what it heard, on the disk: its absence is no silence of devices.
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { clockSet } from '../../src/anomaly/clock-set.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { RETURN_MS } from '../../src/reading/listening.ts';

/** As exact is the moment of a kill; an orderly end is exact. */
const EVERY_MS = 10_000;
const MOST_ABSENCES = 64;
/** What is shorter, as most deploys are, makes no pause that anybody would call long. */
const SHORTEST_MS = 1000;
/** Files of nodes that ended in this process: after a deploy nobody has to come back to us. */
const endedHere = new Set<string>();

type Absence = readonly [from: number, to: number];

export type Hearing = {
  /** When (ms) the node did not hear, as far as the clock goes: devices may have been silent over several of them. Empty where it never did before. */
  readonly absences: readonly Absence[];
  /** It hears from now on. `knowsAll`: what it heard before is known; otherwise what was heard since the last save is not. */
  begin(knowsAll: boolean): void;
  close(): Promise<void>;
};

/** `saved`: the file of the series; `isSaved`: whether it holds all that was heard. */
export async function openHearing(saved: string, isSaved: () => boolean, clock: Clock = systemClock): Promise<Hearing> {
  const file = `${saved}.heard`;
  const noted = readNote(await readFile(file, 'utf8').catch(() => ''));
  const { heardUntil, absences } = noted;
  let { knownUntil } = noted;
  const savedAt = await stat(saved).then(
    ({ mtimeMs }) => mtimeMs,
    () => heardUntil,
  );
  const lookAtClock = clockSet(clock);
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();
  // Where the disk takes nothing, the silence of a later absence is judged as if it were that of the devices.
  const note = (): Promise<void> => {
    lookAtClock(absences);
    if (absences.length > MOST_ABSENCES) absences.shift();
    const now = clock.now();
    if (isSaved()) knownUntil = now;
    writing = writing.then(() => replace(file, now, knownUntil, absences)).catch(() => {});
    return writing;
  };
  return {
    get absences() {
      lookAtClock(absences);
      return absences;
    },
    begin(knowsAll) {
      const back = endedHere.delete(file) ? 0 : RETURN_MS;
      // Nothing came between a save that was long ago and a note that all was saved.
      const from = knowsAll ? heardUntil : Math.min(heardUntil, Math.max(savedAt, knownUntil));
      const to = clock.now() + back;
      if (to - from >= SHORTEST_MS) absences.push([from, to]);
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

/** The first line: until when it heard, and until when what it heard was saved; the others: absences. */
function readNote(text: string) {
  const [first = '', ...lines] = text.trim().split('\n');
  const [heard = '', known = ''] = first.split(' ');
  const absences = lines.map(line => line.split(' ').map(Date.parse) as [number, number]);
  const knownUntil = Date.parse(known);
  return {
    heardUntil: Date.parse(heard),
    knownUntil: Number.isNaN(knownUntil) ? Number.NEGATIVE_INFINITY : knownUntil,
    absences: absences.filter(([from, to]) => to > from),
  };
}

async function replace(file: string, heardUntil: number, knownUntil: number, absences: readonly Absence[]) {
  const lines = [[heardUntil, knownUntil].filter(Number.isFinite), ...absences].map(times =>
    times.map(time => new Date(time).toISOString()).join(' '),
  );
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.new`, `${lines.join('\n')}\n`);
  await rename(`${file}.new`, file);
}
