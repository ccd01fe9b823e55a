// /rest/v1/{table}: tables in PostgREST's form, so that unmodified clients of Supabase read and insert (.from().select(), .insert(), .update()).
import { z } from 'zod';
import type { Clock } from '../kernel/clock.ts';
import { atLeast } from '../kernel/token.ts';
import type { Json } from '../reading/payload.ts';
import type { Principal } from '../reading/principal.ts';
import { changeInspections } from './inspections.ts';
import type { Intake } from './intake.ts';
import type { Problem } from './problem.ts';
import { filterSql, hasExpression } from './rest-filter.ts';
import { notOne, Refused, restErrorSchema, restProblem, restRefusal, unreadable } from './rest-problem.ts';
import { type Asking, filtersOf, preferences, readRows, readWritten, wantsOne } from './rest-read.ts';
import { type RestTable, restTables } from './rest-tables.ts';
import * as write from './rest-write.ts';
import { type Answer, type Asked, type Route, route } from './route.ts';

const row = z.record(z.string(), z.unknown());
const body = z.union([row, z.array(row)], { error: 'an object or an array of them' });
// The name is checked against the tables; a wrong one has PostgREST's own answer.
const params = z.object({ table: z.string().describe('Name of the table.') });
const PATH = '/rest/v1/{table}';
/** What rows are answered as, beside JSON. */
const forms = ['text/csv', 'application/vnd.pgrst.object+json'];
const refusals = {
  404: { says: 'There is no such table.', schema: restErrorSchema },
  406: { says: 'Not exactly one row, or another schema.', schema: restErrorSchema },
};
const selection = {
  select: z.string().optional().describe('Columns, `name:column`, JSON paths; initially *.'),
};

export type RestOptions = Asking & { clock: Clock; intake(): Intake | undefined };

export function restRoutes({ query, brief, clock, intake }: RestOptions): readonly Route[] {
  return [
    route({
      path: PATH,
      summary: 'Rows of a table, filtered by `column=operator.value`.',
      tag: 'rest',
      params,
      query: z.looseObject({
        ...selection,
        order: z.string().optional().describe('Such as timestamp.desc.nullslast.'),
        limit: z.string().optional().describe('Most rows, up to 10000.'),
        offset: z.string().optional().describe('Rows to leave out.'),
      }),
      refusal: restRefusal,
      answers: {
        200: {
          says: 'The rows, or the one row.',
          schema: body,
          also: forms,
        },
        206: { says: 'Some of the rows that Content-Range counts.', schema: z.array(row), also: ['text/csv'] },
        416: { says: 'The range begins behind the last row.', schema: restErrorSchema },
        ...refusals,
      },
      handle: ({ path, url, headers, head, principal }) =>
        refusing(() => {
          const table = tableOf(path.table, headers['accept-profile']);
          return readRows({ query, brief }, table, url, headers, { head, org: principal.org });
        }),
    }),
    route({
      method: 'POST',
      path: PATH,
      summary: 'Inserts rows into measurements (through the flow) or inspections.',
      tag: 'rest',
      params,
      query: z.looseObject(selection),
      body,
      refusal: restRefusal,
      answers: {
        201: { says: 'Committed; with `Prefer: return=representation` the rows.', schema: body, also: forms },
        403: { says: 'The rows are of another organisation, or the role may not.', schema: restErrorSchema },
        409: { says: 'There is a row of this id.', schema: restErrorSchema },
        ...refusals,
      },
      handle: asked => refusing(() => insert(asked)),
    }),
    route({
      method: 'PATCH',
      path: PATH,
      summary: 'Changes rows of inspections.',
      tag: 'rest',
      params,
      query: z.looseObject(selection),
      body: row,
      refusal: restRefusal,
      answers: {
        200: { says: 'The rows as they are now.', schema: body, also: forms },
        204: { says: 'Changed.' },
        403: { says: 'The rows are of another organisation, or the role may not.', schema: restErrorSchema },
        ...refusals,
      },
      handle: asked => refusing(() => change(asked)),
    }),
  ];

  async function insert(asked: Asked<typeof params.shape, Record<string, z.ZodType>, typeof body>): Promise<Answer> {
    const { path, url, headers, body: given, principal } = asked;
    const table = writable(path.table, headers['content-profile'], principal);
    const prefer = preferences(headers);
    if (prefer.has('resolution'))
      throw new Refused(
        restProblem(400, 'PGRST100', 'Prefer: resolution (upsert) is not offered; rows are known by their content'),
      );
    const rows = write.rowsOf(given, table, principal);
    if (wantsOne(headers) && rows.length !== 1) throw new Refused(notOne(rows.length));
    const written =
      table.name === 'inspections'
        ? await write.insertInspectionRows(rows, query)
        : await write.insertMeasurements(rows, principal, intake(), clock.now());
    const counted = countOf(prefer, rows.length);
    if (prefer.get('return') !== 'representation') return { status: 201, headers: counted };
    const answer = await readWritten(query, table, written, url, 201, headers);
    return { ...answer, headers: { ...answer.headers, ...counted } };
  }

  async function change(asked: Asked<typeof params.shape, Record<string, z.ZodType>, typeof row>): Promise<Answer> {
    const { path, url, headers, body: given, principal } = asked;
    const table = writable(path.table, headers['content-profile'], principal);
    if (table.name !== 'inspections')
      throw new Refused(restProblem(403, '42501', `${table.name}: what was measured is not changed`));
    const fields: Json = write.rowOf(given, table, principal);
    if ('id' in fields) throw new Refused(restProblem(400, 'PGRST204', 'id: cannot be changed'));
    write.checkInspection(fields);
    const filters = filtersOf(url);
    if (url.searchParams.has('limit') || url.searchParams.has('offset'))
      throw unreadable('limit: PATCH changes every row that the filter names; name fewer');
    if (filters.length === 0)
      throw new Refused(restProblem(400, '21000', 'PATCH requires a filter', 'such as id=eq.…'));
    const values: unknown[] = [principal.org ?? null];
    const condition = filterSql(filters, table, value => `$${values.push(value)}`);
    const { org_id: _org, ...changed } = fields;
    const named = `($1::text IS NULL OR inspections.org_id = $1) AND (${condition})`;
    // Nothing is changed by who gets an error for it.
    if (wantsOne(headers)) {
      const [found] = await brief<{ rows: number }>(`SELECT count(*) AS rows FROM inspections WHERE ${named}`, values);
      if (found?.rows !== 1) throw new Refused(notOne(found?.rows ?? 0));
    }
    const ids = await changeInspections(hasExpression(filters) ? brief : query, changed, named, values);
    const prefer = preferences(headers);
    const counted = countOf(prefer, ids.length);
    if (prefer.get('return') !== 'representation') return { status: 204, headers: counted };
    const answer = await readWritten(query, table, write.byIds(ids), url, 200, headers);
    return { ...answer, headers: { ...answer.headers, ...counted } };
  }
}

/** How many rows were written, for who asks with `Prefer: count=exact`. */
function countOf(prefer: ReadonlyMap<string, string>, rows: number): Readonly<Record<string, string>> {
  return prefer.has('count') ? { 'content-range': `*/${rows}` } : {};
}

function tableOf(name: string, schema: unknown): RestTable {
  if (schema !== undefined && schema !== 'public')
    throw new Refused(restProblem(406, 'PGRST106', `The schema must be one of the following: public`));
  const table = restTables.get(name);
  if (table !== undefined) return table;
  const says = `Could not find the table 'public.${name.slice(0, 80)}' among those that are shown`;
  throw new Refused(restProblem(404, 'PGRST205', says, [...restTables.keys()].join(', ')));
}

function writable(name: string, schema: unknown, principal: Principal): RestTable {
  const table = tableOf(name, schema);
  const denied = `permission denied for table ${table.name}`;
  if (table.writable === undefined) throw new Refused(restProblem(403, '42501', denied));
  // A gateway's key brings measurements and nothing else.
  const may = atLeast(principal.role, 'operator') || (table.name === 'measurements' && principal.ingests === true);
  if (!may) throw new Refused(restProblem(principal.subject === undefined ? 401 : 403, '42501', denied));
  return table;
}

async function refusing(work: () => Promise<Answer>): Promise<Answer | Problem> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refused) return error.problem;
    throw error;
  }
}
