// /api/history: metrics of devices over any range, in buckets.
import { z } from 'zod';
import type { Clock } from '../kernel/clock.ts';
import type { Query } from '../reading/contracts.ts';
import { instant, number } from './answer-schemas.ts';
import { csvAnswer, wantsCsv } from './csv.ts';
import { deviceId, metricName, text } from './fields.ts';
import { aggregates, history } from './history.ts';
import { historyRequest, MAX_POINTS, MAX_SERIES } from './history-request.ts';
import { isProblem } from './problem.ts';
import { type Route, route } from './route.ts';

const one = (what: string) => text(what, 64).optional();

const pointSchema = z.object({
  device_id: z.string(),
  metric: z.string(),
  time: instant.describe('Beginning of the bucket.'),
  ...Object.fromEntries(aggregates.map(name => [name, number.optional()])),
});

export function historyRoutes(query: Query, clock: Clock): readonly Route[] {
  return [
    route({
      path: '/api/history',
      summary: 'Metrics of devices over any range, in so many buckets at most.',
      tag: 'readings',
      query: z.object({
        device: z
          .array(deviceId, { error: 'a device id' })
          .max(MAX_SERIES, { error: `at most ${MAX_SERIES} devices` })
          .describe('One or several: device=a&device=b.'),
        metric: z
          .array(metricName, { error: 'the name of a metric' })
          .max(MAX_SERIES, { error: `at most ${MAX_SERIES} metrics` })
          .describe(`One or several; at most ${MAX_SERIES} devices times metrics.`),
        start: one('a time in ISO 8601').describe('Left out: `hours` before the end.'),
        end: one('a time in ISO 8601').describe('Not included; left out: now.'),
        hours: one('a number of hours').describe('Initially 24.'),
        points: one(`a whole number from 1 to ${MAX_POINTS}`).describe(
          `Most buckets of a series, up to ${MAX_POINTS}; initially 500.`,
        ),
        bucket: one('a width such as 15m').describe('Width such as 30s, 15m, 1h, 1d, 1w, 1mo, instead of points.'),
        aggregate: z
          .array(z.enum(aggregates, { error: `one of ${aggregates.join(', ')}` }))
          .optional()
          .describe('Initially avg, min, max, count.'),
        tz: one('a time zone such as Europe/Berlin').describe('IANA name; its days begin the buckets. Initially UTC.'),
        gaps: z.enum(['skip', 'null'], { error: 'skip or null' }).optional().describe('Buckets without readings.'),
      }),
      answers: {
        200: { says: 'The buckets, by device, metric and time.', schema: z.array(pointSchema), also: ['text/csv'] },
      },
      async handle({ query: fields, headers, principal }) {
        const request = historyRequest(fields, clock.now());
        if (isProblem(request)) return request;
        const points = await history(query, request, principal.org);
        if (!wantsCsv(headers)) return { status: 200, body: points };
        return csvAnswer(['device_id', 'metric', 'time', ...request.aggregates], points);
      },
    }),
  ];
}
