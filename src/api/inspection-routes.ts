// /api/inspections: what inspectors look at, and how far they are.
import { z } from 'zod';
import type { Query } from '../reading/contracts.ts';
import type { Principal } from '../reading/principal.ts';
import { instant, words } from './answer-schemas.ts';
import { cursor, text, UUID, wholeNumber } from './fields.ts';
import { changeInspections, type Inspection, inspectionColumns, insertInspections } from './inspections.ts';
import { pageOf, readCursor, rowsAnswer } from './page.ts';
import { isProblem, problem } from './problem.ts';
import { type Route, route } from './route.ts';
import { where } from './visible.ts';

const schema = z.object({
  id: z.guid(),
  inspector_id: words,
  session_id: words,
  status: z.string(),
  data: z.unknown(),
  created_at: instant,
  updated_at: instant,
  org_id: words,
  metadata: z.unknown(),
});
const uuid = z.string({ error: 'a UUID' }).regex(UUID, { error: 'a UUID' });
const object = z.record(z.string(), z.unknown(), { error: 'an object' });
const fields = {
  inspector_id: text('a name').nullable().optional(),
  session_id: text('a name').nullable().optional(),
  status: text('a state such as open', 64).optional(),
  data: object.optional(),
  metadata: object.nullable().optional(),
};
const WHAT = { error: 'an object of inspector_id, session_id, status, data, metadata' };

export function inspectionRoutes(query: Query): readonly Route[] {
  const find = async (id: string, principal: Principal) => {
    const of = where(principal).add('id = ?::uuid', id);
    const [found] = await query<Inspection>(`SELECT ${inspectionColumns} FROM inspections WHERE ${of.text}`, of.values);
    return found;
  };
  const missing = (id: string) =>
    problem(404, 'Not found', `id: expected an inspection that is known, got "${id}"`, 'id');

  return [
    route({
      path: '/api/inspections',
      summary: 'Inspections, newest first.',
      tag: 'inspections',
      query: z.object({
        inspector_id: text('a name').optional().describe('Of this inspector.'),
        session_id: text('a name').optional().describe('Of this session.'),
        status: text('a state', 64).optional().describe('In this state.'),
        limit: wholeNumber(1, 1000).default(100),
        cursor: cursor.optional(),
      }),
      answers: {
        200: { says: 'The inspections; where more follow, a Link to the next page.', schema: z.array(schema) },
      },
      async handle({ url, query: { inspector_id, session_id, status, limit, cursor }, principal }) {
        const after = readCursor(cursor, ['time', 'uuid']);
        if (isProblem(after)) return after;
        const of = where(principal)
          .given('inspector_id = ?', inspector_id)
          .given('session_id = ?', session_id)
          .given('status = ?', status);
        if (after !== undefined) of.add(`(created_at, id) < (?::timestamptz, ${of.place(after[1])}::uuid)`, after[0]);
        const found = await query<Inspection>(
          `SELECT ${inspectionColumns} FROM inspections WHERE ${of.text}
           ORDER BY inspections.created_at DESC, id DESC LIMIT ${limit + 1}`,
          of.values,
        );
        const { rows, headers } = pageOf(url, found, limit, last => [last.created_at, last.id]);
        return rowsAnswer(rows, headers);
      },
    }),
    route({
      method: 'POST',
      path: '/api/inspections',
      summary: 'Begins an inspection.',
      tag: 'inspections',
      needs: 'operator',
      body: z.strictObject({ id: uuid.optional(), ...fields }, WHAT),
      answers: {
        201: { says: 'The inspection.', schema },
        409: { says: 'There is one of this id.' },
      },
      async handle({ body, principal }) {
        const taken =
          body.id !== undefined && (await query('SELECT FROM inspections WHERE id = $1', [body.id])).length > 0;
        if (taken) return problem(409, 'There already', 'id: expected one that is not taken', 'id');
        const [id = ''] = await insertInspections(query, [{ ...body, org_id: principal.org }]);
        return { status: 201, body: await find(id, principal), headers: { location: `/api/inspections/${id}` } };
      },
    }),
    route({
      path: '/api/inspections/{id}',
      summary: 'One inspection.',
      tag: 'inspections',
      params: z.object({ id: uuid.describe('A UUID.') }),
      answers: { 200: { says: 'The inspection.', schema }, 404: { says: 'There is none of this id.' } },
      async handle({ path: { id }, principal }) {
        const found = await find(id, principal);
        return found === undefined ? missing(id) : { status: 200, body: found };
      },
    }),
    route({
      method: 'PATCH',
      path: '/api/inspections/{id}',
      summary: 'Goes on with an inspection.',
      tag: 'inspections',
      needs: 'operator',
      params: z.object({ id: uuid.describe('A UUID.') }),
      body: z
        .strictObject(fields, WHAT)
        .refine(change => Object.keys(change).length > 0, { error: 'at least one field to change' }),
      answers: { 200: { says: 'The inspection as it is now.', schema }, 404: { says: 'There is none of this id.' } },
      async handle({ path: { id }, body, principal }) {
        const of = where(principal).add('id = ?::uuid', id);
        const changed = await changeInspections(query, body, of.text, of.values);
        return changed.length === 0 ? missing(id) : { status: 200, body: await find(id, principal) };
      },
    }),
  ];
}
