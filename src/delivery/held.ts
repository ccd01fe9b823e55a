// Which messages lie in outboxes: their numbers as ranges, so that each is counted out once, also by a later process.
import { type Hold, type Holds, type Line, rememberHolds } from '../kernel/ledger.ts';

/** `ranges`: first number and the one after the last, of each range in turn, ascending. */
type Run = { by: Hold; source: string; run: string; ranges: number[] };
/** As it lies on the disk. `unnumbered`: messages that are held without their number. `damaged`: some of all these are lost. */
export type HeldLines = {
  runs: readonly Run[];
  unnumbered: readonly { by: Hold; source: string; count: number }[];
  damaged?: true;
};

export type Held = Holds & {
  /** An outbox has lost rows; nobody can tell yet which messages they came from. */
  noteDamage(): void;
  readonly isDamaged: boolean;
  /** All that are held, each to be released as lost; the damage is dealt with then. */
  takeLost(): readonly { entry: string; source: string; by: Hold }[];
  lines(): HeldLines;
  /** Goes on where an earlier process was, for these sources; what it had in outboxes and left no word of has no number. */
  restore(lines: HeldLines | undefined, sources: readonly Pick<Line, 'source' | 'outbox'>[]): void;
};

/** Ranges of one run. A source whose every second message goes elsewhere has one for each: the oldest are counted only. */
const MOST_RANGES = 1000;
/** Begins of outboxes that have not been emptied since. */
const MOST_RUNS = 100;

/** `mostRanges` of one source in one process: what it would not remember is counted instead, in the order it leaves. */
export function openHeld(mostRanges = MOST_RANGES): Held {
  const runs = new Map<string, Run>();
  const unnumbered = new Map<string, { by: Hold; source: string; count: number }>();
  let isDamaged = false;

  function addUnnumbered(by: Hold, source: string, count: number): void {
    const one = unnumbered.get(`${by} ${source}`);
    if (one !== undefined) one.count += count;
    else unnumbered.set(`${by} ${source}`, { by, source, count });
  }

  function forget(key: string): void {
    const line = runs.get(key);
    if (line === undefined) return;
    runs.delete(key);
    addUnnumbered(line.by, line.source, sizeOf(line.ranges));
  }

  return {
    hold(entry, by) {
      const { key, source, run, number } = partsOf(entry, by);
      let line = runs.get(key);
      if (line === undefined) {
        line = { by, source, run, ranges: [] };
        runs.set(key, line);
        if (runs.size > MOST_RUNS) forget(runs.keys().next().value as string);
      }
      insert(line.ranges, number);
      if (line.ranges.length > 2 * mostRanges) addUnnumbered(by, source, sizeOf(line.ranges.splice(0, 2)));
    },
    release(entry, by) {
      const { key, source, number } = partsOf(entry, by);
      const line = runs.get(key);
      if (line !== undefined && remove(line.ranges, number)) {
        if (line.ranges.length === 0) runs.delete(key);
        return true;
      }
      const counted = unnumbered.get(`${by} ${source}`);
      if (counted === undefined) return false;
      if (--counted.count === 0) unnumbered.delete(`${by} ${source}`);
      return true;
    },
    noteDamage() {
      isDamaged = true;
    },
    get isDamaged() {
      return isDamaged;
    },
    takeLost() {
      isDamaged = false;
      const numbered = [...runs.values()].flatMap(({ by, source, run, ranges }) =>
        numbersIn(ranges).map(number => ({ entry: `${source}/${run}.${number}`, source, by })),
      );
      const others = [...unnumbered.values()].flatMap(({ by, source, count }) =>
        Array.from({ length: count }, () => ({ entry: `${source}/.0`, source, by })),
      );
      return [...numbered, ...others];
    },
    lines: () => ({
      ...{ runs: [...runs.values()], unnumbered: [...unnumbered.values()] },
      ...(isDamaged ? { damaged: true } : {}),
    }),
    restore(lines, sources) {
      isDamaged ||= lines?.damaged === true;
      for (const { source, outbox } of sources) {
        const own = (lines?.runs ?? []).filter(line => line.source === source);
        const counted = (lines?.unnumbered ?? []).filter(line => line.source === source);
        for (const line of own) runs.set(`${line.by} ${source}/${line.run}`, line);
        for (const { by, count } of counted) addUnnumbered(by, source, count);
        const told =
          own.reduce((sum, { ranges }) => sum + sizeOf(ranges), 0) + counted.reduce((sum, { count }) => sum + count, 0);
        if (outbox > told) addUnnumbered('outbox', source, outbox - told);
      }
    },
  };
}

/** `source/run.number`, as the ledger makes them. */
function partsOf(entry: string, by: Hold): { key: string; source: string; run: string; number: number } {
  const slash = entry.lastIndexOf('/');
  const dot = entry.lastIndexOf('.');
  const [source, run] = [entry.slice(0, slash), entry.slice(slash + 1, dot)];
  return { key: `${by} ${source}/${run}`, source, run, number: Number(entry.slice(dot + 1)) };
}

function sizeOf(ranges: readonly number[]): number {
  let size = 0;
  for (let at = 0; at < ranges.length; at += 2) size += ranges[at + 1]! - ranges[at]!;
  return size;
}

function numbersIn(ranges: readonly number[]): number[] {
  const numbers: number[] = [];
  for (let at = 0; at < ranges.length; at += 2)
    for (let number = ranges[at]!; number < ranges[at + 1]!; number++) numbers.push(number);
  return numbers;
}

/** Place of the first bound above the number: odd where the number lies within a range. */
function placeOf(ranges: readonly number[], number: number): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]! > number) high = middle;
    else low = middle + 1;
  }
  return low;
}

function insert(ranges: number[], number: number): void {
  const at = placeOf(ranges, number);
  if (at % 2 === 1) return;
  const joinsLast = ranges[at - 1] === number;
  const joinsNext = ranges[at] === number + 1;
  if (joinsLast && joinsNext) ranges.splice(at - 1, 2);
  else if (joinsLast) ranges[at - 1] = number + 1;
  else if (joinsNext) ranges[at] = number;
  else ranges.splice(at, 0, number, number + 1);
}

/** False where it is not there. */
function remove(ranges: number[], number: number): boolean {
  const at = placeOf(ranges, number);
  if (at % 2 === 0) return false;
  const isFirst = ranges[at - 1] === number;
  const isLast = ranges[at] === number + 1;
  if (isFirst && isLast) ranges.splice(at - 1, 2);
  else if (isFirst) ranges[at - 1] = number + 1;
  else if (isLast) ranges[at] = number;
  else ranges.splice(at, 0, number, number + 1);
  return true;
}

/** Of this process, as the ledger is. */
export const held = openHeld();
rememberHolds(held);
