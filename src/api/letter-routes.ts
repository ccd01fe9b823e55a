// /api/dead-letters: what could not be stored, and why; one with its bytes, part by part where they are many.
import { z } from 'zod';
import type { Query } from '../reading/contracts.ts';
import { LARGEST_LETTER } from '../reading/letter.ts';
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
const partSchema = letterSchema.extend({
  offset: z.number().describe('Bytes before those that are here.'),
  hex: z.string().describe('The message as it was received, or the part of it that was asked for.'),
  text: words.describe('The same as text, where it is UTF-8.'),
});
/** Bytes of an answer: a letter may have 128 MB. */
const PART_BYTES = 65_536;
const MOST_BYTES = 1 << 20;

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
      summary: 'One of them, with its bytes; of a large one the first, or the part that is asked for.',
      tag: 'dead letters',
      params: z.object({ id: wholeNumber(1, Number.MAX_SAFE_INTEGER).describe('Its number.') }),
      query: z.object({
        offset: wholeNumber(0, LARGEST_LETTER).default(0).describe('Bytes to leave out.'),
        length: wholeNumber(1, MOST_BYTES).default(PART_BYTES).describe('Most bytes of the answer.'),
      }),
      answers: {
        200: { says: 'The letter; where more bytes follow, a Link to the next part.', schema: partSchema },
        404: { says: 'There is none of this id.' },
      },
      async handle({ url, path: { id }, query: { offset, length }, principal }) {
        const of = where(principal).add('id = ?', id);
        const [found] = await query<Letter & { bytes: Buffer }>(
          `SELECT ${columns}, substring(bytes FROM ${offset + 1} FOR ${length}) AS bytes FROM dead_letters WHERE ${of.text}`,
          of.values,
        );
        if (found === undefined)
          return problem(404, 'Not found', `id: expected a letter that is known, got ${id}`, 'id');
        const { bytes, ...letter } = found;
        const end = offset + bytes.length;
        const more = bytes.length > 0 && end < letter.size;
        return {
          status: 200,
          body: { ...letter, offset, hex: bytes.toString('hex'), text: textOf(bytes, more) },
          ...(more ? { headers: { link: `<${nextPart(url, end)}>; rel="next"` } } : {}),
        };
      },
    }),
  ];
}

function nextPart(url: URL, offset: number): string {
  const next = new URL(url);
  next.searchParams.set('offset', String(offset));
  return next.pathname + next.search;
}

/** Null where the bytes are no UTF-8; where more follow, the last character may be cut in two. */
function textOf(bytes: Uint8Array, more: boolean): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: more });
  } catch {
    return null;
  }
}
