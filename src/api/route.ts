// A route of the HTTP API: its address, who may ask, what it takes and what it answers, written once for the server and for OpenAPI.
import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import { expected } from '../kernel/fault.ts';
import type { Role } from '../kernel/token.ts';
import type { Principal } from '../reading/principal.ts';
import { type Problem, problem } from './problem.ts';

export type Method = 'GET' | 'POST' | 'PATCH';

/** A request as it came, after it is known who asks. */
export type Request = {
  /** Path and query as they were asked for. */
  url: URL;
  /** Decoded parts of the path, by the names in the route's `{…}`. */
  path: Readonly<Record<string, string>>;
  headers: IncomingHttpHeaders;
  /** Parsed JSON; undefined for GET. */
  body: unknown;
  /** HEAD: nobody reads the body of the answer. */
  head: boolean;
  principal: Principal;
};

export type Answer = {
  status: number;
  /** Sent as JSON; left out: an empty answer. */
  body?: unknown;
  /** Sent as it is, with its own content type in the headers. */
  text?: string;
  headers?: Readonly<Record<string, string>>;
};

export type Documented = {
  says: string;
  /** JSON of the answer. */
  schema?: z.ZodType;
  /** Other content types of the same answer. */
  also?: readonly string[];
  /** An error whose answer is of the schema and no problem details. */
  plain?: true;
};

export type Route = {
  method: Method;
  /** As in OpenAPI: `/api/devices/{id}`. */
  path: string;
  summary: string;
  tag: string;
  needs: Role;
  params: Readonly<Record<string, z.ZodType>>;
  query: z.ZodObject | undefined;
  body: z.ZodType | undefined;
  /** Answers of its own, by status; those that every route may give are added by the document. */
  answers: Readonly<Record<number, Documented>>;
  /** Asks no database: it is answered however many wait for one. */
  light: boolean;
  /** Form of its refusals, where it is not problem details. */
  refusal: Refusal | undefined;
  run(request: Request): Promise<Answer | Problem>;
};

/** What is known of a route without asking it. */
export type Described = Omit<Route, 'run' | 'light'>;

export type Refusal = { schema: z.ZodType; type: string; of(problem: Problem, principal?: Principal): unknown };

type Shape = Readonly<Record<string, z.ZodType>>;
type Values<S extends Shape> = { [K in keyof S]: z.output<S[K]> };

/** What a route's own code gets: everything checked, with the types of its schemas. */
export type Asked<P extends Shape, Q extends Shape, B extends z.ZodType> = Omit<Request, 'path' | 'body'> & {
  path: Values<P>;
  query: Values<Q>;
  body: z.output<B>;
};

export type RouteSpec<P extends Shape, Q extends Shape, B extends z.ZodType> = {
  method?: Method;
  path: string;
  summary: string;
  tag: string;
  needs?: Role;
  params?: z.ZodObject<P>;
  query?: z.ZodObject<Q>;
  body?: B;
  answers: Route['answers'];
  refusal?: Refusal;
  light?: boolean;
  handle(asked: Asked<P, Q, B>): Promise<Answer | Problem> | Answer | Problem;
};

export function route<P extends Shape, Q extends Shape, B extends z.ZodType>(spec: RouteSpec<P, Q, B>): Route {
  const { method = 'GET', needs = 'viewer', light = false, params, query, body, handle, ...rest } = spec;
  return {
    ...rest,
    refusal: spec.refusal,
    method,
    needs,
    light,
    params: params?.shape ?? {},
    query,
    body,
    async run(request) {
      const path = checked(params, request.path);
      if ('problem' in path) return path.problem;
      const asked = checked(query, fieldsOf(request.url, query), true);
      if ('problem' in asked) return asked.problem;
      const sent = checked(body, request.body);
      if ('problem' in sent) return sent.problem;
      return handle({
        ...request,
        path: path.value as Values<P>,
        query: asked.value as Values<Q>,
        body: sent.value as z.output<B>,
      });
    },
  };
}

/** Fields of the query string: a field that is a list in the schema gets all its values, any other the last one. */
function fieldsOf(url: URL, schema: z.ZodObject | undefined): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = {};
  for (const name of new Set(url.searchParams.keys())) {
    const values = url.searchParams.getAll(name);
    const input = schema !== undefined && Object.hasOwn(schema.shape, name) ? schema.shape[name] : undefined;
    // A field left empty is one that was not filled in.
    if (input === undefined || values.every(value => value === '')) continue;
    fields[name] = isList(input) ? values : (values.at(-1) ?? '');
  }
  return fields;
}

function isList(schema: unknown): boolean {
  const { def } = schema as { def: { type: string; innerType?: unknown } };
  return def.type === 'array' || (def.innerType !== undefined && isList(def.innerType));
}

/** `flat`: the values of one field are not numbered in a query string. */
function checked(
  schema: z.ZodType | undefined,
  value: unknown,
  flat = false,
): { value: unknown } | { problem: Problem } {
  if (schema === undefined) return { value: {} };
  const found = schema.safeParse(value);
  if (found.success) return { value: found.data };
  const { path = [], message = 'something else' } = found.error.issues[0] ?? {};
  const field = flat ? String(path[0] ?? '') : path.join('.');
  const got = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value);
  return { problem: problem(400, 'Bad request', expected(field || 'body', message, got), field || 'body') };
}
