// What of a source arrived where, number by number, and whether its ledger says the same.
import { difference, inFlight, type Line } from '../../src/kernel/ledger.ts';

/** How often each number is there. */
export type Found = ReadonlyMap<number, number>;

/** Where the messages of one source were to arrive. */
export type Arrival = {
  source: string;
  where: 'database' | 'server' | 'broker';
  /** Published, answered, or reported to the gateway. */
  sent: number;
  found: number;
  lost: number;
  /** Beyond the first of a number. */
  again: number;
  /** Missing, sent by nobody again, and either cut off by an end or a deploy or told by the ledger. */
  cutOff: number;
  firstLost: readonly number[];
};

/** `sent`: numbers 0 to `sent` - 1. `cutAt`: was it under way when the gateway was ended or deployed, with no sender that keeps it? */
export function arrivalOf(
  [source, where]: readonly [source: string, where: Arrival['where']],
  sent: number,
  found: Found,
  cutAt: (number: number) => boolean = () => false,
): Arrival {
  const missing = Array.from({ length: sent }, (_, number) => number).filter(number => !found.has(number));
  const lost = missing.filter(number => !cutAt(number));
  const times = [...found.values()].reduce((sum, count) => sum + count, 0);
  return {
    ...{ source, where, sent, found: found.size, lost: lost.length, again: times - found.size },
    ...{ cutOff: missing.length - lost.length, firstLost: lost.slice(0, 10) },
  };
}

/** Of several publishers of one source. */
export function together(arrivals: readonly Arrival[]): Arrival {
  return arrivals.reduce((all, one) => ({
    ...{ source: all.source, where: all.where, sent: all.sent + one.sent, found: all.found + one.found },
    ...{ lost: all.lost + one.lost, again: all.again + one.again, cutOff: all.cutOff + one.cutOff },
    firstLost: [...all.firstLost, ...one.firstLost],
  }));
}

/**
 * Of a source whose messages nobody sends again: so many as its ledger tells to have dropped, or to have gone with a process or
 * a node, are not lost without a word.
 */
export function lessTold(arrival: Arrival, line: Line | undefined): Arrival {
  const told = Math.min(arrival.lost, line === undefined ? 0 : line.dropped + line.returned);
  return { ...arrival, lost: arrival.lost - told, cutOff: arrival.cutOff + told };
}

/** In words. What a peer outside gets a second time is no fault: it has been told at least once. */
export function faultsOf({ source, where, sent, lost, again, firstLost }: Arrival): string[] {
  return [
    sent === 0 && 'nothing was sent',
    lost > 0 && `${lost} lost, ${firstLost.join(', ')} …`,
    again > 0 && where === 'database' && `${again} twice`,
  ].flatMap(text => (text === false ? [] : `${source} at the ${where}: ${text}`));
}

/**
 * What a line says of its messages that is not so once all has come to rest, in words. `kept`: its sender keeps a message until
 * it is acknowledged.
 */
export function contradictionsOf(line: Line, arrivals: readonly Arrival[], kept: boolean): string[] {
  const { name, stored, duplicates, deadLetters, dropped } = line;
  // One that is sent again because its acknowledgement was lost is stored a second time where a peer gets it again.
  const most = Math.max(...arrivals.map(({ found, again }) => found + again));
  const least = Math.min(...arrivals.map(({ found }) => found));
  return [
    difference(line) !== 0 && `does not balance: ${difference(line)}`,
    inFlight(line) !== 0 && `${inFlight(line)} still in flight`,
    deadLetters !== 0 && `${deadLetters} dead letters`,
    kept && dropped !== 0 && `${dropped} dropped`,
    stored > most && `${stored} stored, and ${most} arrived`,
    kept && stored + duplicates < least && `${stored} stored and ${duplicates} duplicates, and ${least} are there`,
  ].flatMap(text => (text === false ? [] : `${name}: ${text}`));
}
