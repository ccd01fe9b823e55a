// /api/flow-data: readings of flow meters, newest first (seed 004).
import { z } from 'zod';
import type { Query } from '../reading/contracts.ts';
import { instant, number, words } from './answer-schemas.ts';
import { csvAnswer, wantsCsv } from './csv.ts';
import { cursor, deviceId, time, wholeNumber } from './fields.ts';
import { newest } from './newest.ts';
import { pageOf, readCursor, rowsAnswer } from './page.ts';
import { isProblem } from './problem.ts';
import { type Route, route } from './route.ts';
import { isoSql } from './times.ts';
import { where } from './visible.ts';

const DEFAULT_ROWS = 1000;
const MAX_ROWS = 10_000;

const flowSchema = z.object({
  id: z.number(),
  device_id: z.string(),
  created_at: instant,
  flow_rate: number,
  totalizer: number,
  temperature: number,
  status: words,
  anomaly_score: number,
});
type FlowRow = z.infer<typeof flowSchema>;
const columns = Object.keys(flowSchema.shape);

export function flowDataRoutes(query: Query): readonly Route[] {
  return [
    route({
      path: '/api/flow-data',
      summary: 'Readings of flow meters, newest first.',
      tag: 'readings',
      query: z.object({
        device_id: deviceId.optional(),
        start_time: time.optional(),
        end_time: time.optional().describe('Included.'),
        limit: wholeNumber(1, MAX_ROWS).default(DEFAULT_ROWS),
        cursor: cursor.optional(),
      }),
      answers: {
        200: {
          says: 'The readings; where more follow, a Link to the next page.',
          schema: z.array(flowSchema),
          also: ['text/csv'],
        },
      },
      async handle({ url, headers: asked, query: { device_id, start_time, end_time, limit, cursor }, principal }) {
        const after = readCursor(cursor, ['time', 'number']);
        if (isProblem(after)) return after;
        const read = (since: string | undefined) => {
          const of = where(principal)
            .given('device_id = ?', device_id)
            .given('created_at > ?', since)
            .given('created_at >= ?', start_time)
            .given('created_at <= ?', end_time);
          if (after !== undefined)
            of.add(`(created_at, id) < (?::timestamptz, ${of.place(after[1])}::bigint)`, after[0]);
          return query<FlowRow>(
            `SELECT id, device_id, ${isoSql('created_at')} AS created_at, flow_rate, totalizer, temperature, status, anomaly_score
             FROM flow_data WHERE ${of.text} ORDER BY flow_data.created_at DESC, id DESC LIMIT ${limit + 1}`,
            of.values,
          );
        };
        // Of one device an index has the order.
        const found =
          device_id === undefined
            ? await newest(query, read, limit + 1, after === undefined ? end_time : String(after[0]))
            : await read(undefined);
        const { rows, headers } = pageOf(url, found, limit, last => [last.created_at, last.id]);
        return wantsCsv(asked) ? csvAnswer(columns, rows, headers) : rowsAnswer(rows, headers);
      },
    }),
  ];
}
