// /api/dead-letters: what could not be stored, and why; one with its bytes.
import { z } from 'zod';
import type { Query } from '../reading/contracts.ts';
import { instant, maybeInstant, words } from './answer-schemas.ts';
import { cursor, deviceId, text, wholeNumber } from './fields.ts';
import { pageOf, readCursor, rowsAnswer } from './page.ts';
import { isProblem, problem } from './problem.ts';
import { type Route, route } from './route.ts';
import { isoSql } from './times.ts';
import { where } from './visible.ts';

const STATES = ['open', 'queued', 'resolved', 'discarded'] as const;

const letterSchema = z.object({
  id: z.number(),
  kind: z.enum(['raw', 'reading', 'damaged']),
  state: z.enum(STATES),
  source: z.string().describe('Node or source that gave up on it.'),
  topic: words,
  device_id: words,
  protocol: words,
  reason: z.string(),
  attempts: z.number(),
  size: z.number().describe('Bytes.'),
  created_at: instant,
  last_at: instant,
  received_at: maybeInstant,
  resent_at: maybeInstant,
});
type Letter = z.infer<typeof letterSchema>;
const wholeSchema = letterSchema.extend({
  hex: z.string().describe('The message as it was received.'),
  text: words.describe('The same as text, where it is UTF-8.'),
});

const columns = `id, kind, state, source, topic, device_id, protocol, reason, attempts, length(bytes) AS size,
  ${isoSql('created_at')} AS created_at, ${isoSql('last_at')} AS last_at, ${isoSql('received_at')} AS received_at,
  ${isoSql('resent_at')} AS resent_at`;

export function letterRoutes(query: Query): readonly Route[] {
  return [
    route({
      path: '/api/dead-letters',
      summary: 'Messages that could not be stored, newest first.',
      tag: 'dead letters',
      query: z.object({
        state: z.enum(STATES, { error: `one of ${STATES.join(', ')}` }).optional(),
        source: text('a source').optional().describe('Node or source that gave up on them.'),
        device_id: deviceId.optional(),
        limit: wholeNumber(1, 1000).default(100),
        cursor: cursor.optional(),
      }),
      answers: {
        200: { says: 'The letters; where more follow, a Link to the next page.', schema: z.array(letterSchema) },
      },
      async handle({ url, query: { state, source, device_id, limit, cursor }, principal }) {
        const after = readCursor(cursor, ['number']);
        if (isProblem(after)) return after;
        const of = where(principal)
          .given('state = ?', state)
          .given('source = ?', source)
          .given('device_id = ?', device_id)
          .given('id < ?', after?.[0]);
        const found = await query<Letter>(
          `SELECT ${columns} FROM dead_letters WHERE ${of.text} ORDER BY id DESC LIMIT ${limit + 1}`,
          of.values,
        );
        const { rows, headers } = pageOf(url, found, limit, last => [last.id]);
        return rowsAnswer(rows, headers);
      },
    }),
    route({
      path: '/api/dead-letters/{id}',
      summary: 'One of them, with its bytes.',
      tag: 'dead letters',
      params: z.object({ id: wholeNumber(1, Number.MAX_SAFE_INTEGER).describe('Its number.') }),
      answers: { 200: { says: 'The letter.', schema: wholeSchema }, 404: { says: 'There is none of this id.' } },
      async handle({ path: { id }, principal }) {
        const of = where(principal).add('id = ?', id);
        const [found] = await query<Letter & { bytes: Buffer }>(
          `SELECT ${columns}, bytes FROM dead_letters WHERE ${of.text}`,
          of.values,
        );
        if (found === undefined)
          return problem(404, 'Not found', `id: expected a letter that is known, got ${id}`, 'id');
        const { bytes, ...letter } = found;
        return { status: 200, body: { ...letter, hex: bytes.toString('hex'), text: textOf(bytes) } };
      },
    }),
  ];
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function textOf(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}
