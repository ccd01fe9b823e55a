// The HTTP API on a server: its routes, who may ask them, and how many at once.
import type { Server } from 'node:http';
import { systemClock } from '../kernel/clock.ts';
import type { Query } from '../reading/contracts.ts';
import { everybodyViews, type Identify } from '../reading/principal.ts';
import { credentials } from './credentials.ts';
import { intakeOf } from './intake.ts';
import { keyRing } from './key-ring.ts';
import { rateLimit } from './rate.ts';
import { apiRoutes } from './routes.ts';
import { serve } from './serve.ts';
import { turns } from './turns.ts';

/** Of the pool's 20 connections, writers must always find some. */
const AT_ONCE = 8;
const MOST_WAITING = 200;

export type HttpApiOptions = {
  query: Query;
  /** Left out: everybody who reaches the port is a viewer. */
  identify?: Identify | undefined;
  onFault(where: string, error: unknown): void;
};

/** Serves until the returned function is called. */
export function serveApi(server: Server, { query, identify = everybodyViews, onFault }: HttpApiOptions): () => void {
  return serve(server, {
    routes: apiRoutes({ query, clock: systemClock, intake: () => intakeOf(server) }),
    identify: credentials(identify, keyRing(query, systemClock), rateLimit(systemClock)),
    turns: turns(AT_ONCE, MOST_WAITING),
    onFault,
  });
}
