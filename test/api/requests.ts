// Requests for the property test: made from the OpenAPI document, right ones and hostile ones.
import fc from 'fast-check';

export type Schema = Readonly<Record<string, unknown>>;
export type Parameter = { name: string; in: 'path' | 'query'; required: boolean; schema: Schema };
export type Operation = {
  'x-role': string;
  tags: readonly string[];
  parameters: readonly Parameter[];
  requestBody?: { content: Readonly<Record<string, { schema: Schema }>> };
  responses: Readonly<Record<string, { content?: Readonly<Record<string, { schema: Schema }>> }>>;
};
export type Document = { paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };

export type Asked = { url: string; headers: Record<string, string>; body: string | undefined };

/** What attackers and broken clients send. */
export const hostile = [
  ...['', ' ', '\0', 'a\0b', '%00', '%', '\r\nx-evil: 1', '\u202e', '\ud800', '\u{1f600}', 'é', 'İ', '\uffff'],
  ...[
    "' OR 1=1 --",
    "'; DROP TABLE devices; --",
    '$1',
    '$$',
    '\\',
    '"',
    '{}',
    '[]',
    '{"$gt":""}',
    '(',
    ')',
    '*',
    ',',
    '.',
    '..',
  ],
  ...[
    '../../../etc/passwd',
    '..%2f..%2f',
    '__proto__',
    'constructor',
    'toString',
    'null',
    'undefined',
    'true',
    'NaN',
    'Infinity',
  ],
  ...['-1', '0', '1', '1e309', '9223372036854775808', '0x10', '1.5', '-0', '٣'],
  ...[
    '2026-02-30',
    '2026-02-11T14:30:00Z',
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '294277-01-01',
    'now()',
    'infinity',
  ],
  ...[
    'eq.1',
    'in.(1,2',
    'not.is.null',
    'is.true',
    'like.*',
    'match.(a+)+$',
    'or.(a.eq.1)',
    'cs.{}',
    'eq(any).{1,2}',
    'value_mm',
    'data->a->>b',
  ],
  'x'.repeat(2000),
];

const anyText = fc.oneof(
  fc.constantFrom(...hostile),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 10 }),
);
const known = fc.constantFrom(
  'a',
  'b',
  'm1',
  'f1',
  'temperature',
  'power_kw',
  '2026-02-11T14:30:00Z',
  '2026-02-01',
  '24',
  '1h',
  'UTC',
  'Europe/Berlin',
);

/** Values that fit a schema, for most of its forms; for all others any JSON. */
function fitting(schema: Schema): fc.Arbitrary<unknown> {
  const {
    enum: words,
    anyOf,
    type,
    properties,
    items,
  } = schema as Record<string, never> & {
    enum?: readonly unknown[];
    anyOf?: readonly Schema[];
    properties?: Readonly<Record<string, Schema>>;
    items?: Schema;
  };
  if (words !== undefined) return fc.constantFrom(...words);
  if (anyOf !== undefined) return fc.oneof(...anyOf.map(fitting));
  switch (type as unknown) {
    case 'string':
      return known;
    case 'integer':
    case 'number':
      return fc.integer({
        min: Number(schema['minimum'] ?? 0),
        max: Math.min(Number(schema['maximum'] ?? 100), 2_000_000_000),
      });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(fitting(items ?? {}), { maxLength: 3 });
    case 'object': {
      const fields = Object.fromEntries(Object.entries(properties ?? {}).map(([name, one]) => [name, fitting(one)]));
      return Object.keys(fields).length === 0
        ? fc.dictionary(
            fc.constantFrom('a', 'device_id', 'value_mm', 'status', 'data'),
            fc.jsonValue({ maxDepth: 2 }),
            { maxKeys: 3 },
          )
        : fc.record(fields, { requiredKeys: [] });
    }
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

/** Mostly what fits, so that requests come through; now and then anything. */
function valueFor(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 3, arbitrary: fitting(schema) }, { weight: 1, arbitrary: anyText });
}

/** encodeURIComponent throws for half a surrogate pair; those go as the bytes that a broken client sends. */
function encoded(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.isWellFormed() ? encodeURIComponent(text) : '%ED%A0%80';
}

/** A part of a path; `.` and `..` would be resolved by the client. */
function segment(value: unknown): string {
  const text = encoded(value);
  return ['', '.', '..'].includes(text) ? '%20' : text;
}

export function requestsFor(
  path: string,
  operation: Operation,
  known: Readonly<Record<string, readonly string[]>>,
  credentials: readonly Record<string, string>[],
): fc.Arbitrary<Asked> {
  const inPath = operation.parameters.filter(one => one.in === 'path');
  const inQuery = operation.parameters.filter(one => one.in === 'query');
  const parts = inPath.map(({ name, schema }) =>
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...(known[name] ?? ['a'])) },
      { weight: 1, arbitrary: valueFor(schema) },
    ),
  );
  const fields = inQuery.map(({ schema, required }) =>
    fc.option(valueFor(schema), { nil: undefined, freq: required ? 20 : 1 }),
  );
  const others = fc.array(fc.tuple(anyText, anyText), { maxLength: 2 });
  const schema = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const body =
    schema === undefined
      ? fc.constant(undefined)
      : fc.oneof(
          { weight: 4, arbitrary: fitting(schema).map(value => JSON.stringify(value)) },
          { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }).map(value => JSON.stringify(value)) },
          { weight: 1, arbitrary: anyText },
        );
  const accept = fc.constantFrom('*/*', 'application/json', 'text/csv', 'application/vnd.pgrst.object+json', 'x/y');
  const prefer = fc.constantFrom(
    '',
    'count=exact',
    'return=representation',
    'return=minimal,count=planned',
    'nonsense',
  );
  return fc
    .record({
      parts: fc.tuple(...parts),
      fields: fc.tuple(...fields),
      others,
      body,
      accept,
      prefer,
      who: fc.constantFrom(...credentials),
    })
    .map(({ parts, fields, others, body, accept, prefer, who }) => {
      const pairs = inQuery.flatMap(({ name }, at) => {
        const value = fields[at];
        if (value === undefined) return [];
        return (Array.isArray(value) ? value : [value]).map(one => `${encoded(name)}=${encoded(one)}`);
      });
      const more = others.map(([name, value]) => `${encoded(name)}=${encoded(value)}`);
      let at = 0;
      const url = path.replace(/\{\w+\}/g, () => segment(parts[at++]));
      const query = [...pairs, ...more].join('&');
      const headers = { accept, prefer, 'content-type': 'application/json', ...who };
      return { url: query === '' ? url : `${url}?${query}`, headers, body };
    });
}
