// What polls ask of a line, before anything is deployed: their requests, the time each takes on the wire, and the share of the line.
import { answerBytes, type Table } from './link.ts';
import type { RegisterMap } from './map.ts';
import { placesOf } from './layout.ts';
import { type Limits, limitsOf, plan } from './plan.ts';
import { charMsOf, type LineFormat, pauseOf } from './serial-format.ts';

export type PlannedPoll = { unit: number; map: RegisterMap; periodMs: number; limits: Limits };

export type PlannedLine = {
  /** The serial line, also one behind a converter; undefined with Modbus TCP, where nobody knows what is behind the device. */
  format: LineFormat | undefined;
  timeoutMs: number;
  probeMs: number;
  /** What a unit takes before it answers. */
  turnaroundMs: number;
};

export type PlannedRequest = {
  table: Table;
  /** 0-based, as it goes over the line. */
  address: number;
  count: number;
  metrics: string[];
  /** Registers or bits that are read along and not wanted. */
  idle: number;
  /** On a serial line, both frames with their silences and the turnaround. */
  ms: number | undefined;
};

export type PlannedRound = { unit: number; periodMs: number; requests: PlannedRequest[]; ms: number | undefined };

export type Budget = {
  rounds: PlannedRound[];
  /** 1 = the line is never idle; undefined where there is no serial line. */
  share: number | undefined;
  requestsPerS: number;
  /** What one unit that never answers costs the others of a serial line: at each probe, and as a share. */
  silent: { ms: number; share: number } | undefined;
  warnings: string[];
};

/** Above this share, polls that come at the same moment wait for each other for long. */
const FULL = 0.8;

export function budgetOf(line: PlannedLine, polls: readonly PlannedPoll[]): Budget {
  const rounds = polls.flatMap(poll => roundsOf(line, poll));
  const share =
    line.format === undefined ? undefined : rounds.reduce((sum, { ms = 0, periodMs }) => sum + ms / periodMs, 0);
  // Once for the answer, once for a late one.
  const silentMs = 2 * line.timeoutMs;
  return {
    rounds,
    share,
    requestsPerS: rounds.reduce((sum, { requests, periodMs }) => sum + (requests.length * 1000) / periodMs, 0),
    silent: line.format === undefined ? undefined : { ms: silentMs, share: silentMs / line.probeMs },
    warnings: warningsOf(rounds, polls, share),
  };
}

function roundsOf(line: PlannedLine, { unit, map, periodMs, limits }: PlannedPoll): PlannedRound[] {
  if (map.sunspec) return [];
  const periods = Map.groupBy(map.fields, field => field.every ?? periodMs);
  return [...periods].map(([every, fields]) => {
    const requests = plan(placesOf(fields), limitsOf(limits, map.limits)).map(
      ({ table, address, count, fields: places }) => {
        const wanted = new Set(
          places.flatMap(place => Array.from({ length: place.span }, (_, at) => place.address + at)),
        );
        return {
          table,
          address,
          count,
          metrics: places.map(({ metric }) => metric),
          idle: count - wanted.size,
          ms: wireMs(line, answerBytes({ unit, table, address, count })),
        };
      },
    );
    const ms = line.format && requests.reduce((sum, request) => sum + (request.ms ?? 0), 0);
    return { unit, periodMs: every, requests, ms };
  });
}

/** 8 characters there, 5 and the data back, a silence after each, and what the unit takes. */
function wireMs({ format, turnaroundMs }: PlannedLine, bytes: number): number | undefined {
  return format && charMsOf(format) * (8 + 5 + bytes) + 2 * pauseOf(format) + turnaroundMs;
}

function warningsOf(
  rounds: readonly PlannedRound[],
  polls: readonly PlannedPoll[],
  share: number | undefined,
): string[] {
  const percent = Math.round((share ?? 0) * 100);
  return [
    ...rounds
      .filter(({ ms = 0, periodMs }) => ms > periodMs)
      .map(
        ({ unit, ms = 0, periodMs }) =>
          `unit ${unit}: a poll takes ${Math.ceil(ms)} ms, its period is ${periodMs} ms; every other slot is left out`,
      ),
    ...((share ?? 0) > 1
      ? [`the polls need ${percent} % of the line: periods cannot be kept; make them longer or read less`]
      : (share ?? 0) > FULL
        ? [`the polls need ${percent} % of the line: there is little room for retries and probes`]
        : []),
    ...polls
      .filter(({ map }) => map.sunspec)
      .map(({ unit, map }) => `unit ${unit}: the requests of ${map.name} are known when its models were found`),
  ];
}
