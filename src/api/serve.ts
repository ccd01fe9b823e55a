// Serves routes on an HTTP server: finds the route, who asks and what is sent, and answers; nothing goes out as a stack.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { digest } from '../kernel/bytes.ts';
import { expected, Fault, reasonOf } from '../kernel/fault.ts';
import { count } from '../kernel/metrics.ts';
import { atLeast, type Refused } from '../kernel/token.ts';
import { histogram } from '../reading/histogram.ts';
import { pageHeaders } from '../reading/origin.ts';
import type { Principal } from '../reading/principal.ts';
import { bodyOf } from './body.ts';
import { openDoor, pathOf } from './door.ts';
import { match, pathMatches } from './match.ts';
import { isProblem, type Problem, problem } from './problem.ts';
import type { Answer, Route } from './route.ts';
import type { Turns } from './turns.ts';
import { endUnread } from './unread.ts';

export type Serving = {
  routes: readonly Route[];
  /** A problem where it is known who asks, and that is the trouble: too often, say. */
  identify(request: IncomingMessage): Promise<Principal | Refused | Problem> | Principal | Refused | Problem;
  /** Of other web sites whose pages may ask. */
  origins: readonly string[];
  /** How many requests are worked on at once. */
  turns: Turns;
  /** Of what went wrong inside; the client is told nothing of it. */
  onFault(where: string, error: unknown): void;
};

type Serviced = { list: Serving[]; resting: { routes: readonly Route[] }[] };
const served = new WeakMap<Server, Serviced>();
/** So long a client is told to come again when what served it is gone: a deploy takes less. */
const REST_MS = 5000;

/** Serves until the returned function is called; where several serve one route, the latest. */
export function serve(server: Server, serving: Serving): () => void {
  const { list } = served.get(server) ?? openFor(server);
  list.unshift(serving);
  return () => {
    if (!list.includes(serving)) return;
    list.splice(list.indexOf(serving), 1);
    setTimeout(rest(server, serving.routes), REST_MS).unref();
  };
}

/** Until the returned function is called, who asks for one of these that nobody serves is told to come again. */
export function rest(server: Server, routes: readonly Route[]): () => void {
  const { resting } = served.get(server) ?? openFor(server);
  const mine = { routes };
  resting.push(mine);
  return () => void resting.splice(resting.indexOf(mine), 1);
}

function openFor(server: Server): Serviced {
  const opened: Serviced = { list: [], resting: [] };
  const { list, resting } = opened;
  const leads = (path: string) =>
    [...list, ...resting].some(({ routes }) => routes.some(route => pathMatches(route, path)));
  openDoor(server, {
    leads,
    request: (request, response) => void dispatch(list, request, response),
    upgrade: (_request, socket) => void socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n'),
  });
  served.set(server, opened);
  return opened;
}

function dispatch(servings: readonly Serving[], request: IncomingMessage, response: ServerResponse): void {
  const path = pathOf(request);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const methods = new Set<string>();
  let other: Route | undefined;
  let page: Readonly<Record<string, string>> = {};
  for (const serving of servings)
    for (const route of serving.routes) {
      if (!pathMatches(route, path)) continue;
      page = pageHeaders(request, serving.origins);
      if (route.method === method) return void respond(serving, route, request, response, path);
      methods.add(route.method);
      other = route;
    }
  if (methods.size === 0) {
    const away = problem(503, 'Not available now', 'the flow is being deployed or stopped');
    finish(request, response, refusalOf(away));
    return;
  }
  const wanted = request.headers['access-control-request-method'];
  if (request.method === 'OPTIONS' && wanted !== undefined && page['access-control-allow-origin'] !== undefined) {
    finish(request, response, { status: 204, headers: { ...page, ...permission(request, methods) } });
    return;
  }
  const allow = [...methods, ...(methods.has('GET') ? ['HEAD'] : [])].join(', ');
  const refused = problem(405, 'Method not allowed', expected('method', allow, request.method));
  finish(request, response, refusalOf(refused, other), { ...page, allow });
}

/** What a browser asks before it sends a page's request. */
function permission({ headers }: IncomingMessage, methods: ReadonlySet<string>): Readonly<Record<string, string>> {
  return {
    'access-control-allow-methods': [...methods].join(', '),
    'access-control-allow-headers': headers['access-control-request-headers'] ?? '',
    'access-control-max-age': '600',
  };
}

async function respond(
  { identify, origins, turns, onFault }: Serving,
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  const began = performance.now();
  let principal: Principal | undefined;
  let result: Answer | Problem;
  try {
    const who = await identify(request);
    if (isProblem(who)) result = who;
    else if ('refused' in who) result = problem(401, 'Not logged in', who.refused);
    else {
      principal = who;
      result = await permitted(route, who, request, path, turns);
    }
  } catch (error) {
    result = problemOf(error);
    if (result.status === 500) onFault(`${route.method} ${route.path}`, error);
  }
  measure(route, result.status, (performance.now() - began) / 1000);
  if (response.destroyed) return;
  finish(request, response, isProblem(result) ? refusalOf(result, route, principal) : result, {
    ...pageHeaders(request, origins),
    ...(request.headers.origin === undefined ? {} : { 'access-control-expose-headers': EXPOSED }),
  });
}

/** Headers of an answer that a page of another site may read. */
const EXPOSED = 'content-range, etag, link, location, retry-after';
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** How long the API takes, and how often it refuses: what an operator is alerted by. */
function measure({ method, path }: Route, status: number, seconds: number): void {
  count('fieldline_http_requests_total', 1, { method, route: path, status: String(status) });
  histogram('fieldline_http_seconds', BOUNDS, { method, route: path })(seconds);
}

async function permitted(
  route: Route,
  principal: Principal,
  request: IncomingMessage,
  path: string,
  turns: Turns,
): Promise<Answer | Problem> {
  if (!atLeast(principal.role, route.needs))
    return principal.subject === undefined
      ? problem(401, 'Not logged in', `expected a token of the role ${route.needs}, got none`)
      : problem(403, 'Not allowed', `expected the role ${route.needs}, got ${principal.role}`);
  const parts = match(route, path);
  if (parts === undefined) return problem(400, 'Bad request', 'path: expected valid percent encoding', 'path');
  const body = route.method === 'GET' ? undefined : await bodyOf(request);
  if (isProblem(body)) return body;
  const url = new URL(request.url ?? '/', 'http://localhost');
  const { headers } = request;
  const head = request.method === 'HEAD';
  const run = () => route.run({ url, path: parts, headers, body: body?.value, head, principal });
  return route.light ? run() : turns.take(run);
}

function problemOf(error: unknown): Problem {
  if (error instanceof Fault && error.kind === 'outage')
    return problem(503, 'Not available now', `${reasonOf(error)}. ${error.nextStep}`);
  // What the database refuses although it has passed the checks: a number out of range, JSON that jsonb does not take.
  if (error instanceof Fault && error.code === 'FIELDLINE_ROW')
    return /SQLSTATE 23505/.test(error.message)
      ? problem(409, 'There already', reasonOf(error))
      : problem(400, 'Bad request', reasonOf(error));
  return problem(500, 'Internal error', 'The request could not be answered; the log of the gateway tells more.');
}

function refusalOf(fault: Problem, route?: Route, principal?: Principal): Answer {
  const headers: Record<string, string> = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' };
  if (fault.status === 503 || fault.status === 429) headers['retry-after'] = String(fault.retry_after ?? 5);
  if (fault.status === 401) headers['www-authenticate'] = 'Bearer';
  if (route?.refusal === undefined) return { status: fault.status, body: fault, headers };
  const { type, of } = route.refusal;
  return { status: fault.status, body: of(fault, principal), headers: { ...headers, 'content-type': type } };
}

function finish(
  request: IncomingMessage,
  response: ServerResponse,
  { status, body, text, headers = {} }: Answer,
  more: Readonly<Record<string, string>> = {},
): void {
  const content = text ?? (body === undefined ? '' : JSON.stringify(body));
  const etag = headers['etag'] ?? (status === 200 && request.method !== 'POST' ? `"${digest(content)}"` : undefined);
  const all = {
    'cache-control': 'private, no-cache',
    'x-content-type-options': 'nosniff',
    ...(body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
    ...(etag === undefined ? {} : { etag }),
    ...headers,
    ...more,
    vary: 'accept, authorization, cookie, origin',
  };
  const known = request.headers['if-none-match']?.split(',').map(tag => tag.trim().replace(/^W\//, '')) ?? [];
  if (
    etag !== undefined &&
    (request.method === 'GET' || request.method === 'HEAD') &&
    (known.includes(etag) || known.includes('*'))
  )
    return void response.writeHead(304, all).end();
  // What is left of a body that nobody reads would hold the connection.
  if (!request.complete) response.shouldKeepAlive = false;
  response.writeHead(status, status === 204 ? all : { ...all, 'content-length': Buffer.byteLength(content) });
  // Who was too slow has had his time.
  if (status === 408) response.end(content);
  else endUnread(request, response, content);
}
