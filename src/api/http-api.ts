// The HTTP API on a server: its routes, who may ask them, and how many at once.
import type { Server } from 'node:http';
import { systemClock } from '../kernel/clock.ts';
import { cameIn, inFlight, ledgerLines, type Line } from '../kernel/ledger.ts';
import type { Labels, Sample } from '../kernel/metrics.ts';
import type { Query } from '../reading/contracts.ts';
import { everybodyViews, type Identify } from '../reading/principal.ts';
import { credentials } from './credentials.ts';
import { intakeOf } from './intake.ts';
import { keyRing } from './key-ring.ts';
import { rateLimit } from './rate.ts';
import { apiRoutes } from './routes.ts';
import { rest, serve } from './serve.ts';
import { turns } from './turns.ts';

/** Of the pool's 20 connections, writers must always find some. */
const AT_ONCE = 8;
const MOST_WAITING = 200;

export type HttpApiOptions = {
  query: Query;
  /** The same for statements that clients may make endless: they end early. Left out: as late as all. */
  brief?: Query | undefined;
  /** Left out: everybody who reaches the port is a viewer. */
  identify?: Identify | undefined;
  /** Of other web sites whose pages may ask; `*` for any. */
  origins?: readonly string[] | undefined;
  onFault(where: string, error: unknown): void;
  /** Parts of the gateway and whether they work, for /metrics. */
  parts?: Parts | undefined;
  /** The pool of `query`, for /metrics. */
  pool?: Pool | undefined;
};

export type Parts = () => Promise<{ parts: readonly { part: string; ready: boolean }[] }>;
type Pool = { readonly totalCount: number; readonly idleCount: number; readonly waitingCount: number };

/** Serves until the returned function is called. */
export function serveApi(server: Server, options: HttpApiOptions): () => void {
  const { query, brief = query, identify = everybodyViews, origins = [], onFault, parts, pool } = options;
  const queue = turns(AT_ONCE, MOST_WAITING);
  const figures = async (): Promise<readonly Sample[]> => {
    const all = parts === undefined ? [] : (await parts()).parts;
    return [
      ...all.map(({ part, ready }) => gauge('fieldline_part_up', ready ? 1 : 0, { part })),
      ...(pool === undefined ? [] : poolFigures(pool)),
      gauge('fieldline_http_waiting', queue.waiting),
      ...ledgerLines().flatMap(accountOf),
    ];
  };
  return serve(server, {
    routes: apiRoutes({
      ...{ query, brief, clock: systemClock, intake: () => intakeOf(server), figures },
      gateway: parts !== undefined,
    }),
    identify: credentials(identify, keyRing(query, systemClock), rateLimit(systemClock)),
    origins,
    turns: queue,
    onFault,
  });
}

/** While the flows are being started: until the returned function is called, the API answers 503, and asks for no login. */
export function restApi(server: Server): () => void {
  const query: Query = () => Promise.reject(new Error('nothing is asked while the API rests'));
  const nothing = { intake: () => undefined, figures: () => [], gateway: false };
  return rest(server, apiRoutes({ query, brief: query, clock: systemClock, ...nothing }));
}

function poolFigures({ totalCount, idleCount, waitingCount }: Pool): readonly Sample[] {
  return [
    gauge('fieldline_database_connections', totalCount - idleCount, { state: 'busy' }),
    gauge('fieldline_database_connections', idleCount, { state: 'idle' }),
    gauge('fieldline_database_waiting', waitingCount),
  ];
}

/** What came in from a source and where it ended; adds up as the ledger does. */
function accountOf(line: Line): readonly Sample[] {
  const states = {
    ...{ in: cameIn(line), stored: line.stored, duplicates: line.duplicates, dead_letters: line.deadLetters },
    ...{ dropped: line.dropped, in_flight: inFlight(line) },
  };
  const { source, name } = line;
  return Object.entries(states).map(([state, value]) =>
    gauge('fieldline_ledger_messages', value, { source, name, state }),
  );
}

function gauge(name: string, value: number, labels: Labels = {}): Sample {
  return { name, labels, value, kind: 'gauge' };
}
