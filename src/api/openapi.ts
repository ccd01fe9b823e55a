// OpenAPI 3.1 of the API, made from the routes themselves, so that it says what they check and answer.
import { z } from 'zod';
import { problemSchema } from './answer-schemas.ts';
import { type Described, type Documented, type Route, route } from './route.ts';

type Json = Record<string, unknown>;

/** Answers that any route may give, with whom they concern. */
const common: readonly [status: number, says: string, when: (route: Described) => boolean][] = [
  [400, 'A field is wrong; it is named.', () => true],
  [401, 'Not logged in, or the token is not valid.', () => true],
  [403, 'The role may not.', ({ needs }) => needs !== 'viewer'],
  [408, 'The body came too slowly.', ({ body }) => body !== undefined],
  [413, 'The body is too large.', ({ body }) => body !== undefined],
  [415, 'The body is not JSON.', ({ body }) => body !== undefined],
  [429, 'Too many requests of this key; try again after Retry-After.', () => true],
  [431, 'The address or the headers are longer than 16 KiB.', () => true],
  [500, 'A fault of the gateway; its log tells more.', () => true],
  [503, 'The database or the flow is away; try again after Retry-After.', () => true],
];

export function openApi(routes: readonly Described[]): Json {
  const paths: Record<string, Json> = {};
  for (const one of routes) {
    paths[one.path] = { ...paths[one.path], [one.method.toLowerCase()]: operationOf(one) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Fieldline',
      version: '1',
      description: 'Field measurements: devices, readings, history. Errors are problem details (RFC 9457).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{}, { token: [] }, { key: [] }],
    paths,
    components: {
      securitySchemes: {
        key: {
          type: 'apiKey',
          in: 'header',
          name: 'x-api-key',
          description: 'Of a gateway or an app: fieldline keys.',
        },
        token: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'HS256, with sub, org_id, role and exp. On loopback, without a login, everybody is a viewer.',
        },
      },
    },
  };
}

function operationOf(one: Described): Json {
  const { summary, tag, needs, params, query, body, answers, refusal } = one;
  const responses: Record<string, Json> = {};
  for (const [status, documented] of Object.entries(answers))
    responses[status] = responseOf(one, Number(status), documented);
  for (const [status, says, concerns] of common)
    if (concerns(one)) responses[status] ??= refusedOf(says, refusal?.schema, refusal !== undefined);
  if (one.method === 'GET') responses['304'] ??= { description: 'What the client has still holds (If-None-Match).' };
  return {
    summary,
    tags: [tag],
    operationId: `${one.method.toLowerCase()}${one.path.replace(/\W+(\w)/g, (_all, letter: string) => letter.toUpperCase()).replace(/\W/g, '')}`,
    'x-role': needs,
    parameters: [
      ...Object.entries(params).map(([name, schema]) => ({
        name,
        in: 'path',
        required: true,
        schema: schemaOf(schema),
      })),
      ...Object.entries(query?.shape ?? {}).map(([name, schema]) => queryParameter(name, schema as z.ZodType)),
    ],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body) } } } }),
    responses,
  };
}

function queryParameter(name: string, schema: z.ZodType): Json {
  const { default: _default, ...shown } = schemaOf(schema);
  const required = !schema.safeParse(undefined).success;
  return { name, in: 'query', required, schema: _default === undefined ? shown : { ...shown, default: _default } };
}

function responseOf({ refusal }: Described, status: number, { says, schema, also = [], plain }: Documented): Json {
  if (status >= 400 && plain === undefined) return refusedOf(says, refusal?.schema ?? schema, refusal !== undefined);
  const content = schema === undefined ? {} : { 'application/json': { schema: schemaOf(schema, 'output') } };
  const others = Object.fromEntries(
    also.map(type => [type, type.endsWith('json') ? { schema: {} } : { schema: { type: 'string' } }]),
  );
  const all = { ...content, ...others };
  return { description: says, ...(Object.keys(all).length === 0 ? {} : { content: all }) };
}

/** Problem details, unless the route has a form of its own. */
function refusedOf(says: string, schema: z.ZodType = problemSchema, own = false): Json {
  const type = own ? 'application/json' : 'application/problem+json';
  return { description: says, content: { [type]: { schema: schemaOf(schema, 'output') } } };
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output' = 'input'): Json {
  const { $schema: _draft, ...shown } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
  return shown;
}

/** `others`: operations beside the routes, which something else serves. */
export function openApiRoute(routes: readonly Route[], others: readonly Described[]): Route {
  const itself: Route = route({
    path: '/api/openapi.json',
    summary: 'This document.',
    tag: 'about',
    light: true,
    answers: { 200: { says: 'OpenAPI 3.1.', schema: z.record(z.string(), z.unknown()) } },
    handle: () => ({ status: 200, body: document() }),
  });
  let made: Json | undefined;
  const document = (): Json => {
    made ??= openApi([...routes, ...others, itself]);
    return made;
  };
  return itself;
}
