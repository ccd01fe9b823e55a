// The HTTP routes that read telemetry: /api/devices and /api/history, on any router of Express's form.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { digest } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import { Fault, reasonOf } from '../kernel/fault.ts';
import type { Query } from '../reading/contracts.ts';
import { cached } from './cache.ts';
import { devicesVersion, listDevices } from './devices.ts';
import { history } from './history.ts';
import { historyRequest } from './history-request.ts';
import { isProblem, type Problem, problem } from './problem.ts';

export type Next = (error?: unknown) => void;
export type Handler = (request: IncomingMessage, response: ServerResponse, next: Next) => void;
export type Router = { get(path: string, handler: Handler): unknown };

export type Route = {
  /** What it answers to the fields of the query string. */
  answer(fields: Readonly<Record<string, string>>): Promise<unknown>;
  /** A client may use its own copy for this long without asking; then it asks with the ETag. */
  maxAgeSeconds: number;
};
/** By path. */
export type Routes = Readonly<Record<string, Route>>;

const DEVICES_SECONDS = 30;

export function telemetryRoutes(query: Query, clock: Clock): Routes {
  const devices = cached(
    () => listDevices(query),
    () => devicesVersion(query),
    { clock, freshMs: 1000, maxMs: DEVICES_SECONDS * 1000 },
  );
  return {
    '/api/devices': { answer: devices, maxAgeSeconds: DEVICES_SECONDS },
    '/api/history': {
      async answer(fields) {
        const request = historyRequest(fields, clock.now());
        return isProblem(request) ? request : history(query, request);
      },
      maxAgeSeconds: 0,
    },
  };
}

// Express cannot take a route away again, so each path is registered once and asks who answers it now.
const mounted = new WeakMap<object, Map<string, Handler[]>>();

/** Serves the routes until the returned function is called; `guard` is asked first, and answers itself where it refuses. */
export function mount(router: Router, routes: Routes, guard?: Handler): () => void {
  const paths = mounted.get(router) ?? new Map<string, Handler[]>();
  mounted.set(router, paths);
  const added = Object.entries(routes).map(([path, route]): [Handler[], Handler] => {
    let handlers = paths.get(path);
    if (handlers === undefined) {
      handlers = [];
      paths.set(path, handlers);
      const current = handlers;
      router.get(path, (request, response, next) => {
        const handler = current.at(-1);
        if (handler === undefined) next();
        else handler(request, response, next);
      });
    }
    const handler = handlerOf(route, guard);
    handlers.push(handler);
    return [handlers, handler];
  });
  return () => {
    for (const [handlers, handler] of added) handlers.splice(handlers.indexOf(handler), 1);
  };
}

function handlerOf({ answer, maxAgeSeconds }: Route, guard: Handler | undefined): Handler {
  const run: Handler = (request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    answer(Object.fromEntries(searchParams))
      .then(result => (isProblem(result) ? refuse(response, result) : send(request, response, result, maxAgeSeconds)))
      .catch((error: unknown) => refuse(response, problemOf(error)));
  };
  if (guard === undefined) return run;
  return (request, response, next) =>
    guard(request, response, error => (error === undefined ? run(request, response, next) : next(error)));
}

function send(request: IncomingMessage, response: ServerResponse, result: unknown, maxAgeSeconds: number): void {
  const body = JSON.stringify(result);
  const etag = `"${digest(body)}"`;
  const headers = { etag, 'cache-control': `private, max-age=${maxAgeSeconds}`, vary: 'authorization, cookie' };
  const known = request.headers['if-none-match']?.split(',').map(tag => tag.trim().replace(/^W\//, '')) ?? [];
  if (known.includes(etag) || known.includes('*')) {
    response.writeHead(304, headers).end();
    return;
  }
  response.writeHead(200, { ...headers, 'content-type': 'application/json; charset=utf-8' }).end(body);
}

function refuse(response: ServerResponse, fault: Problem): void {
  const retry: Record<string, string> = fault.status === 503 ? { 'retry-after': '5' } : {};
  response.writeHead(fault.status, {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    ...retry,
  });
  response.end(JSON.stringify(fault));
}

function problemOf(error: unknown): Problem {
  if (error instanceof Fault && error.kind === 'outage')
    return problem(503, 'Database not available', `${reasonOf(error)}. ${error.nextStep}`);
  return problem(500, 'Internal error', 'The request could not be answered; the log of the gateway tells more.');
}
